"""Shards for tests, running a worker up to a sequence, and reading what it left."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from apps.projections.nats_connection import Login
from apps.projections.projector import ProjectedBatch
from apps.projections.shard import Shard
from apps.projections.spec import NatsSpec, Projection
from apps.projections.subscription import Event
from apps.projections.worker import Observer, Worker


def shard(login: Login, directory: Path, projection: Projection, **more: Any) -> Shard:
    """A shard whose generations are below `directory`; `more` are further fields of it."""
    nats = NatsSpec(servers=tuple(login.servers), user=login.user, password=SecretStr(login.password))
    return Shard(projection=projection, directory=directory, nats=nats, **more)


class UpTo(Observer):
    """Stops its worker once a sequence is committed."""

    def __init__(self, sequence: int, observer: Observer) -> None:
        self._sequence = sequence
        self._observer = observer
        self.worker: Worker | None = None

    def committed(self, events: Sequence[Event], result: ProjectedBatch, seconds: float) -> None:
        self._observer.committed(events, result, seconds)
        if events[-1].sequence >= self._sequence and self.worker is not None:
            self.worker.stop()


def consume(shard: Shard, up_to: int, observer: Observer | None = None) -> None:
    """Apply the events of `shard` to its declared generation until sequence `up_to` is committed."""
    generation = shard.generations.declare(shard.projection.program, shard.projection.source)
    stopping = UpTo(up_to, observer or Observer())
    stopping.worker = Worker(shard.assignment(generation), stopping)
    stopping.worker.run()


def views(shard: Shard) -> dict[bytes, bytes]:
    with shard.answering_store() as store:
        return dict(store.scan(b"view:"))
