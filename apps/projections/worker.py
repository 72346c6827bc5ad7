"""The worker of one shard of one view: consume, fold, commit, acknowledge."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apps.projections import stream_check
from apps.projections.errors import (
    ConflictError,
    ConnectionLostError,
    GapError,
    ProjectionError,
    RefusedError,
    StoreError,
    StoreGoneError,
)
from apps.projections.jetstream import ConsumerConfig, JetStream
from apps.projections.keys import CheckpointKey
from apps.projections.logs import context_of
from apps.projections.nats_connection import Login, NatsConnection
from apps.projections.pipeline import Pipeline
from apps.projections.projector import ProjectedBatch, Projector
from apps.projections.records import Checkpoint
from apps.projections.store import MAP_SIZE, Batch, Store
from apps.projections.subscription import Event, PullLimits, Subscription

_log = logging.getLogger("apps.projections.worker")
_LONGEST_WAIT = 5.0
_TOLD = 3


@dataclass(frozen=True, kw_only=True)
class Shard:
    """What one worker does: `view_type` from the events of `consumer`, into the store at `path`. A batch is
    up to `batch` events, of which one commit is made. `start` is where a store that is empty begins."""

    view_type: str
    name: str
    path: Path
    consumer: ConsumerConfig
    batch: int = 2000
    pulling: PullLimits = field(default_factory=PullLimits)
    map_size: int = MAP_SIZE
    start: int = 1


class Observer:
    """What happens, for metrics; this one ignores it."""

    def committed(self, events: Sequence[Event], folded: ProjectedBatch, seconds: float) -> None: ...
    def restarted(self, error: ProjectionError) -> None: ...
    def connected(self, checkpoint: Checkpoint) -> None: ...
    def waiting(self, reason: str) -> None: ...
    def stalled(self, reason: str) -> None: ...


class Worker:
    """Runs until `stop`, and through every failure that may pass. Raises StreamChangedError and
    StoreGoneError, for which that does not hold."""

    def __init__(
        self,
        shard: Shard,
        login: Callable[[], Login],
        projector: Projector,
        observer: Observer | None = None,
    ) -> None:
        self._shard = shard
        self._login = login
        self._projector = projector
        self._observer = observer or Observer()
        self._stopping = threading.Event()
        self._failures = 0

    def stop(self) -> None:
        """End after the batch in hand; what is not committed stays unacknowledged."""
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._consume()
            except StoreGoneError:
                raise
            except (ConnectionLostError, GapError, ConflictError, StoreError, RefusedError) as error:
                self._observer.restarted(error)
                self._failures += 1
                wait = min(0.05 * 2**self._failures, _LONGEST_WAIT)
                _log.warning("begins again from its checkpoint in %.1f s: %s", wait, error)
                self._stopping.wait(wait)

    def _consume(self) -> None:
        shard = self._shard
        key = CheckpointKey(shard.name, shard.view_type)
        store = Store(shard.path, key, map_size=shard.map_size)
        try:
            connection = NatsConnection(self._login())
            try:
                checkpoint = self._begin(store, JetStream(connection))
                subscription = Subscription(connection, shard.consumer, checkpoint.next, shard.pulling)
            except BaseException:
                connection.close()
                raise
            try:
                self._observer.connected(checkpoint)
                Pipeline(
                    store,
                    subscription,
                    self._projector,
                    checkpoint,
                    shard.batch,
                    self._stopping,
                    self._committed,
                ).run()
            finally:
                subscription.close()
        finally:
            store.close()

    def _begin(self, store: Store, jetstream: JetStream) -> Checkpoint:
        """Make sure that the stream is the same, and reset the consumer to what the store says."""
        consumer = self._shard.consumer
        stream = jetstream.stream(consumer.stream)
        checkpoint = store.checkpoint()
        if checkpoint is None:
            # Bound to the stream from here on, even before the first event.
            seen = max(stream.first, self._shard.start) - 1
            checkpoint = Checkpoint(stream.identity, seen=max(seen, 0))
            store.commit(None, Batch(checkpoint))
            if stream.first > self._shard.start:
                _log.warning("stream %s begins at sequence %d", consumer.stream, stream.first)
        else:
            stream_check.check(
                checkpoint, stream, lambda sequence: jetstream.digest_at(consumer.stream, sequence)
            )
        jetstream.recreate(consumer, checkpoint.next)
        return checkpoint

    def _committed(self, events: Sequence[Event], folded: ProjectedBatch, seconds: float) -> None:
        self._failures = 0
        for held in folded.quarantined[:_TOLD]:
            _log.warning(
                "quarantined sequence %d (%s): %s",
                held.sequence,
                held.kind,
                held.reason,
                extra={"context": context_of(held.data)},
            )
        if len(folded.quarantined) > _TOLD:
            _log.warning("quarantined %d more in this batch", len(folded.quarantined) - _TOLD)
        self._observer.committed(events, folded, seconds)
