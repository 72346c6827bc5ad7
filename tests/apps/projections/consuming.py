"""Running a worker up to a sequence, and reading what it left."""

from collections.abc import Sequence
from pathlib import Path

from apps.projections.backfill import Source
from apps.projections.keys import CheckpointKey
from apps.projections.nats_connection import Login
from apps.projections.projector import ProjectedBatch
from apps.projections.sandbox.process import Sandbox
from apps.projections.store import Store
from apps.projections.subscription import Event
from apps.projections.worker import Observer, Worker


class UpTo(Observer):
    """Stops its worker once a sequence is committed."""

    def __init__(self, sequence: int, observer: Observer) -> None:
        self._sequence = sequence
        self._observer = observer
        self.worker: Worker | None = None

    def committed(self, events: Sequence[Event], folded: ProjectedBatch, seconds: float) -> None:
        self._observer.committed(events, folded, seconds)
        if events[-1].sequence >= self._sequence and self.worker is not None:
            self.worker.stop()


def consume(
    login: Login,
    source: Source,
    program: str,
    path: Path,
    up_to: int,
    observer: Observer | None = None,
) -> None:
    """Fold the events of `source` into a store at `path` until sequence `up_to` is committed."""
    path.mkdir(parents=True, exist_ok=True)
    stopping, sandbox = UpTo(up_to, observer or Observer()), Sandbox(program, source.limits)
    projector = source.projector(sandbox)
    worker = Worker(source.work(path, 1, 1), lambda: login, projector, stopping)
    stopping.worker = worker
    try:
        worker.run()
    finally:
        sandbox.close()


def views(source: Source, path: Path) -> dict[bytes, bytes]:
    store = Store(path, CheckpointKey(source.shard, source.view_type), read_only=True)
    try:
        return dict(store.scan(b"view:"))
    finally:
        store.close()
