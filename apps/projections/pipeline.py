"""Three stages at once: one batch is decoded while another is projected and a third is committed.

Batches stay in order: each stage is one thread, which takes them from the stage before. Projecting reads the
views of batches that are not committed yet. A commit that fails ends the pipeline, with all that was built on
it.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from apps.projections.errors import ProjectionError
from apps.projections.projector import DecodedBatch, ProjectedBatch, Projector
from apps.projections.records import Checkpoint, digest
from apps.projections.store import Batch, Store
from apps.projections.subscription import Event, Subscription

_IDLE = 0.1
_AHEAD = 1
"""Batches that may wait between two stages. With more of them each is smaller: together they are the
window."""

_T = TypeVar("_T")
Committed = Callable[[Sequence[Event], ProjectedBatch, float], None]


class Pipeline:
    """Applies the events of `subscription` to `store`, in batches of at most `batch`, until `stopping` is
    set.

    `checkpoint` is the store's when it begins. After each commit `committed` is called with the events, the
    result, and the seconds since the events were decoded.
    """

    def __init__(
        self,
        store: Store,
        subscription: Subscription,
        projector: Projector,
        checkpoint: Checkpoint,
        batch: int,
        stopping: threading.Event,
        committed: Committed,
    ) -> None:
        self._store = store
        self._subscription = subscription
        self._projector = projector
        self._checkpoint = checkpoint
        self._batch = batch
        self._stopping = stopping
        self._committed = committed
        self._failure: BaseException | None = None
        self._broken = threading.Event()
        self._decoded: queue.Queue[tuple[DecodedBatch, float] | None] = queue.Queue(_AHEAD)
        self._projected: queue.Queue[tuple[DecodedBatch, ProjectedBatch, float] | None] = queue.Queue(_AHEAD)
        self._uncommitted: deque[ProjectedBatch] = deque()

    def run(self) -> None:
        """Works until `stopping` is set, and then commits what is decoded. Raises the error that ends it
        before."""
        stages = [
            threading.Thread(target=self._stage, args=(work,), name=work.__name__, daemon=True)
            for work in (self._decode, self._commit)
        ]
        for stage in stages:
            stage.start()
        self._stage(self._project)
        for stage in stages:
            stage.join()
        if self._failure is not None:
            raise self._failure

    def _stage(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised by `run`, in the thread that asked
            if self._failure is None or not isinstance(error, ProjectionError):
                self._failure = error
            self._broken.set()

    def _decode(self) -> None:
        while not self._stopping.is_set() and not self._broken.is_set():
            events = self._subscription.fetch(self._batch, _IDLE)
            if events:
                self._put(self._decoded, (self._projector.decode(events), time.monotonic()))
        self._put(self._decoded, None)

    def _project(self) -> None:
        while (item := self._get(self._decoded)) is not None:
            batch, since = item
            result = self._projector.project(batch, self._read)
            self._uncommitted.append(result)
            self._put(self._projected, (batch, result, since))
        self._put(self._projected, None)

    def _commit(self) -> None:
        while (item := self._get(self._projected)) is not None:
            batch, result, since = item
            last = batch.events[-1]
            before = self._checkpoint
            following = Checkpoint(
                stream=before.stream,
                sequence=last.sequence,
                digest=digest(last.subject, last.data),
                seen=last.sequence,
                revision=before.revision + 1,
                events=before.events + len(batch.events),
                quarantined=before.quarantined + len(result.quarantined),
            )
            self._store.commit(before, Batch(following, result.views, result.quarantined))
            self._checkpoint = following
            self._uncommitted.popleft()
            self._subscription.acknowledge(last, len(batch.events))
            self._committed(batch.events, result, time.monotonic() - since)

    def _read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The newest bytes of each view, of batches that are not committed first. A batch that is committed
        meanwhile was looked at before the store is."""
        found: dict[bytes, bytes | None] = {}
        for result in tuple(self._uncommitted):
            found.update({key: result.views[key] for key in keys if key in result.views})
        missing = [key for key in keys if key not in found]
        found.update(zip(missing, self._store.views(missing), strict=True))
        return [found[key] for key in keys]

    def _put(self, into: "queue.Queue[_T]", item: "_T") -> None:
        while not self._broken.is_set():
            try:
                into.put(item, timeout=_IDLE)
            except queue.Full:
                continue
            return

    def _get(self, source: "queue.Queue[_T | None]") -> "_T | None":
        while not self._broken.is_set():
            try:
                return source.get(timeout=_IDLE)
            except queue.Empty:
                continue
        return None
