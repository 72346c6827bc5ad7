"""The worker of one generation of a shard: it reads events, applies them, commits, and acknowledges."""

import logging
import threading
from collections.abc import Sequence

from apps.projections.errors import (
    ConflictError,
    ConnectionLostError,
    GapError,
    ProjectionError,
    RefusedError,
    StoreError,
    StoreGoneError,
)
from apps.projections.jetstream import JetStream
from apps.projections.logs import context_of
from apps.projections.pipeline import Pipeline
from apps.projections.projector import ProjectedBatch, Projector
from apps.projections.records import Checkpoint
from apps.projections.shard import Assignment
from apps.projections.store import Batch, Store
from apps.projections.stream_check import check_stream
from apps.projections.subscription import Event, PullLimits, Subscription

_log = logging.getLogger("apps.projections.worker")
_LONGEST_WAIT = 5.0
_TOLD = 3


class Observer:
    """Is called when something happens to a worker. This class ignores it; a subclass reports or counts
    it."""

    def committed(self, events: Sequence[Event], result: ProjectedBatch, seconds: float) -> None:
        """Is called after each commit of a batch, which took `seconds` from decoding on."""

    def restarted(self, error: ProjectionError) -> None:
        """Is called when the worker begins again from its checkpoint because of `error`."""

    def connected(self, checkpoint: Checkpoint) -> None:
        """Is called when the worker is connected to NATS and goes on behind `checkpoint`."""

    def waiting(self, reason: str) -> None:
        """Is called once while another process keeps the shard; `reason` names it."""

    def stalled(self, reason: str) -> None:
        """Is called when the stream is not the one that the views were built from; `reason` says how it
        differs."""


class Worker:
    """Applies the events of a shard's stream to one generation of its views, until `stop`.

    It goes on through every failure that may pass: it begins again from the checkpoint of its store.
    """

    def __init__(self, assignment: Assignment, observer: Observer | None = None) -> None:
        self._assignment = assignment
        self._observer = observer or Observer()
        self._stopping = threading.Event()
        self._failures = 0

    def stop(self) -> None:
        """Asks `run` to return after the batch in hand. What is not committed stays unacknowledged."""
        self._stopping.set()

    def run(self) -> None:
        """Works until `stop`.

        Raises StreamChangedError if the stream is not the one that the views were built from, StoreGoneError
        or GenerationError if the generation was retired, and ProgramError if its program cannot be loaded.
        """
        with self._assignment.projector() as projector:
            while not self._stopping.is_set():
                try:
                    self._consume(projector)
                except StoreGoneError:
                    raise
                except (ConnectionLostError, GapError, ConflictError, StoreError, RefusedError) as error:
                    self._observer.restarted(error)
                    self._failures += 1
                    wait = min(0.05 * 2**self._failures, _LONGEST_WAIT)
                    _log.warning("begins again from its checkpoint in %.1f s: %s", wait, error)
                    self._stopping.wait(wait)

    def _consume(self, projector: Projector) -> None:
        """Applies events until something ends that: an error, or `stop`."""
        assignment = self._assignment
        store = assignment.open_store()
        try:
            checkpoint = self._resume(store)
            subscription = Subscription(assignment.login, assignment.consumer, checkpoint.next, PullLimits())
            try:
                self._observer.connected(checkpoint)
                batch = assignment.shard.projection.batch
                Pipeline(
                    store, subscription, projector, checkpoint, batch, self._stopping, self._committed
                ).run()
            finally:
                subscription.close()
        finally:
            store.close()

    def _resume(self, store: Store) -> Checkpoint:
        """Checks that the stream is the same, makes the consumer anew behind the store's checkpoint, and
        returns the checkpoint."""
        consumer, start = self._assignment.consumer, self._assignment.generation.start
        with JetStream(self._assignment.login) as jetstream:
            stream = jetstream.stream(consumer.stream)
            checkpoint = store.checkpoint()
            if checkpoint is None:
                # Bound to the stream from here on, even before the first event.
                seen = max(stream.first, start) - 1
                checkpoint = Checkpoint(stream.identity, seen=max(seen, 0))
                store.commit(None, Batch(checkpoint))
                if stream.first > start:
                    _log.warning("stream %s begins at sequence %d", consumer.stream, stream.first)
            else:
                check_stream(
                    checkpoint, stream, lambda sequence: jetstream.digest_at(consumer.stream, sequence)
                )
            jetstream.recreate(consumer, checkpoint.next)
        return checkpoint

    def _committed(self, events: Sequence[Event], result: ProjectedBatch, seconds: float) -> None:
        self._failures = 0
        for held in result.quarantined[:_TOLD]:
            _log.warning(
                "quarantined sequence %d (%s): %s",
                held.sequence,
                held.kind,
                held.reason,
                extra={"context": context_of(held.data)},
            )
        if len(result.quarantined) > _TOLD:
            _log.warning("quarantined %d more in this batch", len(result.quarantined) - _TOLD)
        self._observer.committed(events, result, seconds)
