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
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from statistics import median, quantiles

import msgspec
import nats
from nats.js.api import AckPolicy
from nats.js.api import ConsumerConfig as NatsConsumerConfig
from rich.console import Console
from rich.table import Table

from apps.projections.generations.controller import GenerationController
from apps.projections.generations.states import State
from apps.projections.jetstream import ConsumerConfig, JetStream
from apps.projections.nats_connection import NatsConnection
from apps.projections.projector import ProjectedBatch
from apps.projections.spec import Projection
from apps.projections.subscription import Event, PullLimits, Subscription
from apps.projections.worker import Observer
from providers.terminal import show_table
from tests.apps.projections import flights
from tests.apps.projections.consuming import consume, shard
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


_PROJECTION = Projection(
    view="carriers",
    stream="FLIGHTS",
    subjects=("flights.>",),
    tenant_token=1,
    fields=flights.FIELDS["carriers"],
    program=(flights.EXAMPLES / "carriers.star").read_text(),
)


def measurements(tmp: Path, console: Console, scale: Scale) -> list[Measurement]:
    """Return the measurements. Each uses its own server and its own directory below `tmp`."""

    @cache
    def messages() -> list[flights.Message]:
        return flights.events()[: scale.flights]

    def throughput() -> Iterator[Figure]:
        with _server(tmp / "throughput") as server:
            last = server.publish(messages()[: scale.events])
            yield from _throughput(server, last, tmp / "throughput", console, scale)

    def rebuild() -> Iterator[Figure]:
        with _server(tmp / "rebuild") as server:
            server.publish(messages()[: scale.events])
            yield _rebuild(server, messages()[scale.events :], tmp / "rebuild" / "live", console)

    return [
        Measurement(("projections.p1", "projections.p2"), throughput),
        Measurement(("projections.p3",), rebuild),
        *projections_endurance.measurements(tmp, _PROJECTION, messages, console, scale.endurance),
    ]


@contextmanager
def _server(directory: Path) -> Iterator[NatsServer]:
    directory.mkdir()
    with nats_server(directory) as server:
        server.add_stream(_PROJECTION.stream, [*_PROJECTION.subjects])
        yield server


def _throughput(server: NatsServer, last: int, tmp: Path, console: Console, scale: Scale) -> Iterator[Figure]:
    rounds = []
    for number in range(scale.rounds):
        fetching = _per_event(partial(_fetch, server, last), last)
        reading = _per_event(partial(_read, server, last), last)
        own = shard(server.login, tmp / f"views-{number}", _PROJECTION)
        folding = _per_event(partial(consume, own, last), last)
        console.print(
            f"an event: fetch {fetching:.1f}, read {reading:.1f}, projected {folding:.1f} microseconds"
        )
        rounds.append((folding, fetching, reading))
    yield figure("projections.p1", *_pair([(own, fetch) for own, fetch, _ in rounds]), aim=1 / 3)
    yield figure("projections.p2", *_pair([(own, read) for own, _, read in rounds]), aim=1 / 0.6)
    _curve(server, last, tmp, console, scale.batches)


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
            config = NatsConsumerConfig(ack_policy=AckPolicy.ALL)
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
    """The worker's reader, which does nothing with what it reads but acknowledge it."""
    consumer = ConsumerConfig("FLIGHTS", "read", _PROJECTION.subjects, PullLimits().window)
    with JetStream(server.login) as jetstream:
        jetstream.recreate(consumer, 1)
    subscription = Subscription(server.login, consumer, 1, PullLimits())
    try:
        sequence = 0
        while sequence < last:
            if events := subscription.fetch(_PROJECTION.batch, 30):
                sequence = events[-1].sequence
                subscription.acknowledge(events[-1], len(events))
    finally:
        subscription.close()


def _curve(server: NatsServer, last: int, tmp: Path, console: Console, batches: Sequence[int]) -> None:
    """What a commit of more events brings, and how long an event then waits for it."""
    table = Table("events in a commit, at most", "events/s", "ms from read to committed, median")
    for batch in batches:
        latency = _Latency()
        sized = _PROJECTION.model_copy(update={"batch": batch})
        own = shard(server.login, tmp / f"curve-{batch}", sized)
        each = _per_event(partial(consume, own, last, latency), last)
        table.add_row(f"{batch:,}", f"{1e6 / each:,.0f}", f"{median(latency.seconds) * 1000:.0f}")
    show_table(table, console)


class _Latency(Observer):
    def __init__(self) -> None:
        self.seconds: list[float] = []

    def committed(self, events: Sequence[Event], folded: ProjectedBatch, seconds: float) -> None:
        self.seconds.append(seconds)


class _Lag(Observer):
    """Measures the age of the oldest event of each commit, by the clock that stamped the event."""

    def __init__(self) -> None:
        self.sequence = 0
        self.seconds: list[float] = []

    def committed(self, events: Sequence[Event], folded: ProjectedBatch, seconds: float) -> None:
        self.sequence = events[-1].sequence
        sent = msgspec.json.decode(events[0].data).get("sent")
        if sent is not None:
            self.seconds.append(time.time() - sent)


def _rebuild(server: NatsServer, more: Sequence[flights.Message], root: Path, console: Console) -> Figure:
    """The 99th percentile of the live view's lag at 1,000 events a second, while all is folded anew."""
    total = server.publish(more)
    lag = _Lag()
    own = shard(server.login, root, _PROJECTION)
    controller = GenerationController(own, lag)
    thread = threading.Thread(target=controller.run)
    thread.start()
    try:
        while lag.sequence < total:
            time.sleep(0.1)
        own.generations.begin(_PROJECTION.program)
        started = time.monotonic()
        _publish(server, more, lambda: bool(own.generations.in_state(State.FILLING)))
        took = time.monotonic() - started
    finally:
        controller.stop()
        thread.join()
    slowest = quantiles(lag.seconds, n=100)[-1]
    console.print(
        f"while {total:,} events were folded anew in {took:.0f} s, a live event was committed within "
        f"{slowest:.3f} s (99%), {max(lag.seconds):.3f} s at most"
    )
    return figure("projections.p3", slowest, "s", 1.0, aim=1.0)


def _publish(server: NatsServer, more: Sequence[flights.Message], wanted: Callable[[], bool]) -> None:
    """At the rate, each stamped with when, so long as it is `wanted`."""
    connection = NatsConnection(server.login)
    try:
        started = time.monotonic()
        for number, (subject, data) in enumerate(more):
            if (ahead := number / _RATE - (time.monotonic() - started)) > 0:
                time.sleep(ahead)
            if number % _RATE == 0 and not wanted():
                return
            connection.publish(subject.encode(), b'%b,"sent":%.6f}' % (data[:-1], time.time()))
    finally:
        connection.close()
