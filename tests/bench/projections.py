"""Projections: durable throughput, compared with nats-py's `fetch` and with reading alone, and the lag of a
view during a rebuild.

All are measured on one real NATS server in one run, in turns, and the store is synced at each commit. P1 and
P2 compare the time per event, so that a lower ratio is better: three times the throughput is a ratio of a
third.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from statistics import median, quantiles

import msgspec
import nats
from nats.js.api import AckPolicy, ConsumerConfig
from rich.console import Console
from rich.table import Table

from apps.projections.backfill import Source
from apps.projections.consumption import Consumption, Event
from apps.projections.fold import Folded
from apps.projections.generations import Generations
from apps.projections.jetstream import JetStream
from apps.projections.keeper import Keeper
from apps.projections.wire import Wire
from apps.projections.worker import Observer
from providers.terminal import show_table
from tests.apps.projections import flights
from tests.apps.projections.consuming import consume
from tests.apps.projections.nats_server import NatsServer, nats_server
from tests.bench import projections_endurance
from tests.bench.figures import Figure, figure, median_pair
from tests.bench.measurements import Measurement

_RATE = 1000


@dataclass(frozen=True)
class Scale:
    """The size of the measurements: how many flights are used (None means all), how many of them throughput
    is measured with, how often, and which commit sizes are tried."""

    flights: int | None = None
    events: int = 150_000
    rounds: int = 3
    batches: tuple[int, ...] = (100, 500, 2000, 5000)
    endurance: projections_endurance.Scale = field(default_factory=projections_endurance.Scale)


_SOURCE = Source(
    view_type="carriers",
    shard="all",
    stream="FLIGHTS",
    subjects=["flights.>"],
    tenant_token=1,
    fields=flights.FIELDS["carriers"],
)


def measurements(tmp: Path, console: Console, scale: Scale) -> list[Measurement]:
    """Return the measurements. Each uses its own server and its own directory below `tmp`."""

    @cache
    def messages() -> list[flights.Message]:
        return flights.events()[: scale.flights]

    program = (flights.EXAMPLES / "carriers.star").read_text()

    def throughput() -> Iterator[Figure]:
        with _server(tmp / "throughput") as server:
            last = server.publish(messages()[: scale.events])
            yield from _throughput(server, program, last, tmp / "throughput", console, scale)

    def rebuild() -> Iterator[Figure]:
        with _server(tmp / "rebuild") as server:
            server.publish(messages()[: scale.events])
            yield _rebuild(server, program, messages()[scale.events :], tmp / "rebuild" / "live", console)

    return [
        Measurement(("projections.p1", "projections.p2"), throughput),
        Measurement(("projections.p3",), rebuild),
        *projections_endurance.measurements(tmp, _SOURCE, program, messages, console, scale.endurance),
    ]


@contextmanager
def _server(directory: Path) -> Iterator[NatsServer]:
    directory.mkdir()
    with nats_server(directory) as server:
        server.add_stream(_SOURCE.stream, [*_SOURCE.subjects])
        yield server


def _throughput(
    server: NatsServer, program: str, last: int, tmp: Path, console: Console, scale: Scale
) -> Iterator[Figure]:
    rounds = []
    for number in range(scale.rounds):
        fetching = _per_event(partial(_fetch, server, last), last)
        reading = _per_event(partial(_read, server, last), last)
        path = tmp / f"store-{number}"
        folding = _per_event(partial(consume, server.login, _SOURCE, program, path, last), last)
        console.print(
            f"an event: fetch {fetching:.1f}, read {reading:.1f}, projected {folding:.1f} microseconds"
        )
        rounds.append((folding, fetching, reading))
    yield figure("projections.p1", *_pair([(own, fetch) for own, fetch, _ in rounds]), aim=1 / 3)
    yield figure("projections.p2", *_pair([(own, read) for own, _, read in rounds]), aim=1 / 0.6)
    _curve(server, program, last, tmp, console, scale.batches)


def _pair(pairs: Sequence[tuple[float, float]]) -> tuple[float, str, float]:
    value, against = median_pair(pairs)
    return value, "us", against


def _per_event(work: Callable[[], object], events: int) -> float:
    """Return the microseconds per event."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / events * 1e6


def _fetch(server: NatsServer, last: int) -> None:
    """Read all events with nats-py's own loop, and acknowledge each batch. Nothing else is done with them."""

    async def loop() -> None:
        client = await nats.connect(server.url)
        try:
            jetstream = client.jetstream()
            config = ConsumerConfig(ack_policy=AckPolicy.ALL)
            name = f"fetch-{time.monotonic_ns()}"
            consumer = await jetstream.pull_subscribe(
                "flights.>", durable=name, stream="FLIGHTS", config=config
            )
            count = 0
            while count < last:
                fetched = await consumer.fetch(500, timeout=30)
                count += len(fetched)
                await fetched[-1].ack()
            await jetstream.delete_consumer("FLIGHTS", name)
        finally:
            await client.close()

    asyncio.run(loop())


def _read(server: NatsServer, last: int) -> None:
    """Read all events with the worker's reader, and acknowledge them. Nothing else is done with them."""
    wire = Wire(server.login)
    consumer = _SOURCE.consumer(0)
    JetStream(wire).reset(consumer, 1)
    consumption = Consumption(wire, consumer, 1, _SOURCE.pulling)
    try:
        sequence = 0
        while sequence < last:
            if events := consumption.take(_SOURCE.batch, 30):
                sequence = events[-1].sequence
                consumption.done(events[-1], len(events))
    finally:
        consumption.close()


def _curve(
    server: NatsServer, program: str, last: int, tmp: Path, console: Console, batches: Sequence[int]
) -> None:
    """Print the throughput, and how long an event waits, for each of the commit sizes `batches`."""
    table = Table("events in a commit, at most", "events/s", "ms from read to committed, median")
    for batch in batches:
        latency = _Latency()
        source = replace(_SOURCE, batch=batch)
        path = tmp / f"curve-{batch}"
        each = _per_event(partial(consume, server.login, source, program, path, last, latency), last)
        table.add_row(f"{batch:,}", f"{1e6 / each:,.0f}", f"{median(latency.seconds) * 1000:.0f}")
    show_table(table, console)


class _Latency(Observer):
    def __init__(self) -> None:
        self.seconds: list[float] = []

    def committed(self, events: Sequence[Event], folded: Folded, seconds: float) -> None:
        self.seconds.append(seconds)


class _Lag(Observer):
    """Measures the age of the oldest event of each commit, by the clock that stamped the event."""

    def __init__(self) -> None:
        self.sequence = 0
        self.seconds: list[float] = []

    def committed(self, events: Sequence[Event], folded: Folded, seconds: float) -> None:
        self.sequence = events[-1].sequence
        sent = msgspec.json.decode(events[0].data).get("sent")
        if sent is not None:
            self.seconds.append(time.time() - sent)


def _rebuild(
    server: NatsServer, program: str, more: Sequence[flights.Message], root: Path, console: Console
) -> Figure:
    """Return the 99th percentile of the live view's lag during a rebuild, at 1,000 events a second."""
    total = server.publish(more)
    lag = _Lag()
    keeper = Keeper(root, _SOURCE, program, server.login, lag)
    thread = threading.Thread(target=keeper.run)
    thread.start()
    try:
        while lag.sequence < total:
            time.sleep(0.1)
        generations = Generations(root)
        generations.begin(program)
        started = time.monotonic()
        _publish(server, more, lambda: bool(generations.upcoming))
        took = time.monotonic() - started
    finally:
        keeper.stop()
        thread.join()
    slowest = quantiles(lag.seconds, n=100)[-1]
    console.print(
        f"while {total:,} events were folded anew in {took:.0f} s, a live event was committed within "
        f"{slowest:.3f} s (99%), {max(lag.seconds):.3f} s at most"
    )
    return figure("projections.p3", slowest, "s", 1.0, aim=1.0)


def _publish(server: NatsServer, more: Sequence[flights.Message], wanted: Callable[[], bool]) -> None:
    """Publish events at the rate, each with its time, while `wanted` is set."""
    wire = Wire(server.login)
    try:
        started = time.monotonic()
        for number, (subject, data) in enumerate(more):
            if (ahead := number / _RATE - (time.monotonic() - started)) > 0:
                time.sleep(ahead)
            if number % _RATE == 0 and not wanted():
                return
            wire.publish(subject.encode(), b'%b,"sent":%.6f}' % (data[:-1], time.time()))
    finally:
        wire.close()
