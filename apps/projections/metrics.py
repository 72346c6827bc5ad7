"""The workers' reports in Prometheus' text format, for /metrics."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from apps.projections.reports import Report

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_GAUGES = {
    "connected": ("up", "whether the worker is connected to NATS"),
    "stalled": ("stalled", "whether the stream is no longer the one that the views were built from"),
    "sequence": ("sequence", "stream sequence of the last event that the views hold"),
    "lag": ("lag", "events of the shard that were not committed a second ago"),
    "in_quarantine": ("quarantine", "events in quarantine"),
}
_COUNTERS = {
    "events": ("events", "events applied or quarantined"),
    "quarantined": ("quarantined", "events quarantined"),
    "batches": ("commits", "batches committed"),
    "seconds": ("batch_seconds", "seconds spent on applying and committing batches"),
    "restarts": ("restarts", "times the worker began again from its checkpoint"),
    "gaps": ("redeliveries", "deliveries that were repeated or out of order, each undone by a restart"),
    "connections_lost": ("connections_lost", "connections to NATS lost or refused"),
    "commit_failures": ("commit_failures", "commits that failed or were overtaken"),
}
Reports = Mapping[tuple[str, str], Report]
"""The newest report of each worker, by view and shard."""


class _Reports(Collector):
    def __init__(self, read: Callable[[], Reports]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        reports = self._read()
        for field, (name, text) in _GAUGES.items():
            gauge = GaugeMetricFamily(f"projections_{name}", text, labels=["view", "shard"])
            for labels, report in reports.items():
                gauge.add_metric(labels, float(getattr(report, field)))
            yield gauge
        for field, (name, text) in _COUNTERS.items():
            counter = CounterMetricFamily(f"projections_{name}", text, labels=["view", "shard"])
            for labels, report in reports.items():
                counter.add_metric(labels, float(getattr(report, field)))
            yield counter


def exposition(read: Callable[[], Reports]) -> Callable[[], bytes]:
    """Returns a function that answers a scrape with the reports which `read` returns."""
    registry = CollectorRegistry()
    registry.register(_Reports(read))
    return lambda: generate_latest(registry)
