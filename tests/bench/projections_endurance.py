"""Projections with several shards and many events: `projections.shards.<n>` and `projections.memory`.

Each worker is a process, as in a stack. With LONG=1 memory is measured over 10 million events.
"""

import math
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from rich.console import Console

from apps.projections.projector import ProjectedBatch
from apps.projections.shard import Shard
from apps.projections.spec import Projection
from apps.projections.subscription import Event
from apps.projections.worker import Observer
from tests.apps.projections import flights
from tests.apps.projections.consuming import consume, shard
from tests.apps.projections.nats_server import nats_server
from tests.bench.figures import Figure, figure
from tests.bench.measurements import Measurement

_EVENTS, _LONG = 1_000_000, 10_000_000
_PROCESSES = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Scale:
    """The numbers of shards that are compared with one shard, and the number of events of the memory
    measurement (None means as LONG says)."""

    shards: tuple[int, ...] = (2, 4)
    events: int | None = None

    @property
    def many(self) -> int:
        return self.events or (_LONG if os.environ.get("LONG") == "1" else _EVENTS)


def measurements(
    tmp: Path,
    projection: Projection,
    messages: Callable[[], Sequence[flights.Message]],
    console: Console,
    scale: Scale,
) -> list[Measurement]:
    shards = tuple(f"projections.shards.{count}" for count in scale.shards)
    return [
        Measurement(shards, lambda: _shards(projection, messages(), tmp / "shards", console, scale.shards)),
        Measurement(
            ("projections.memory",),
            lambda: [_memory(projection, messages(), tmp / "memory", console, scale.many)],
        ),
    ]


def _shards(
    projection: Projection,
    messages: Sequence[flights.Message],
    tmp: Path,
    console: Console,
    counts: Sequence[int],
) -> Iterator[Figure]:
    """Measure the seconds in which several workers handle all events, compared with one worker."""
    tmp.mkdir()
    seconds: dict[int, float] = {}
    with nats_server(tmp) as server:
        server.add_stream(projection.stream, [*projection.subjects])
        server.publish(messages)
        for count in (1, *counts):
            ready = _PROCESSES.Barrier(count + 1)
            workers = []
            for index, (subjects, last) in enumerate(_parts(messages, count)):
                name = f"{count}x{index}"
                part = projection.model_copy(update={"shard": name, "subjects": tuple(subjects)})
                given = (shard(server.login, tmp / name, part), last, ready)
                workers.append(_PROCESSES.Process(target=_work, args=given))
                workers[-1].start()
            ready.wait()
            started = time.monotonic()
            for worker in workers:
                worker.join()
                assert worker.exitcode == 0, f"a worker ended with {worker.exitcode}"
            seconds[count] = time.monotonic() - started
            console.print(f"{count} shards: {len(messages) / seconds[count]:,.0f} events/s")
    for count in counts:
        yield figure(f"projections.shards.{count}", seconds[count], "s", seconds[1])


def _parts(messages: Sequence[flights.Message], count: int) -> list[tuple[list[str], int]]:
    """Divide the subjects among `count` shards so that each has about as many events. Returns each shard's
    subjects, and the sequence of its last event."""
    last = {subject: sequence for sequence, (subject, _) in enumerate(messages, start=1)}
    subjects: list[list[str]] = [[] for _ in range(count)]
    sizes = [0] * count
    for subject, size in Counter(subject for subject, _ in messages).most_common():
        smallest = sizes.index(min(sizes))
        sizes[smallest] += size
        subjects[smallest].append(subject)
    return [(part, max(last[subject] for subject in part)) for part in subjects]


def _memory(
    projection: Projection,
    messages: Sequence[flights.Message],
    tmp: Path,
    console: Console,
    events: int,
) -> Figure:
    """Measure the memory of a worker and its sandbox in the last third of the rounds, compared with the first
    third."""
    tmp.mkdir()
    rounds = math.ceil(events / len(messages))
    committed = _PROCESSES.Value("Q", 0)
    sizes: list[float] = []
    with nats_server(tmp) as server:
        server.add_stream(projection.stream, [*projection.subjects])
        own = shard(server.login, tmp / "views", projection)
        given = (own, rounds * len(messages) + 1, None, committed)
        worker = _PROCESSES.Process(target=_work, args=given, daemon=True)
        worker.start()
        for _ in range(rounds):
            last = server.publish(messages)
            while committed.value < last:
                assert worker.is_alive(), f"the worker ended with {worker.exitcode}"
                time.sleep(0.1)
            sizes.append(_megabytes(psutil.Process(worker.pid)))
            # What was folded is not needed again, and would take gigabytes.
            server.ask(f"STREAM.PURGE.{projection.stream}", {"seq": last})
        server.publish(messages[:1])
        worker.join()
    console.print(f"MiB after each {len(messages):,} events: {', '.join(f'{size:.0f}' for size in sizes)}")
    third = max(1, rounds // 3)
    return figure("projections.memory", median(sizes[-third:]), "MiB", median(sizes[:third]), aim=1.1)


def _megabytes(worker: psutil.Process) -> float:
    """Return the megabytes of the proportional set size of a process and its children, mapped parts of the
    store included."""
    family = [worker, *worker.children(recursive=True)]
    return float(sum(process.memory_full_info().pss for process in family)) / 2**20


def _work(own: Shard, up_to: int, ready: Any, committed: Any = None) -> None:
    """A worker's process: begins when all are `ready`, and says what is `committed`."""
    if ready is not None:
        ready.wait()
    consume(own, up_to, None if committed is None else _Told(committed))


class _Told(Observer):
    def __init__(self, committed: Any) -> None:
        self._committed = committed

    def committed(self, events: Sequence[Event], folded: ProjectedBatch, seconds: float) -> None:
        self._committed.value = events[-1].sequence
