"""The reports of a worker's process to its service: one line of JSON each."""

import contextlib
import os
import threading
import time
from collections.abc import Sequence

import msgspec

from apps.projections.errors import ConnectionLostError, GapError, ProjectionError, StoreError
from apps.projections.jetstream import JetStream
from apps.projections.projector import ProjectedBatch
from apps.projections.records import Checkpoint
from apps.projections.shard import Shard
from apps.projections.subscription import Event
from apps.projections.worker import Observer

_PERIOD = 0.25
_LAG_PERIOD = 1.0


class Report(msgspec.Struct):
    """The state of a worker.

    `connected` is whether it applies events; `problem` says why not. `stalled` is set if that does not pass
    by itself. `sequence`, `lag` and `in_quarantine` say how far the views are; the lag is a second old at
    most. The other fields count from the start of the worker; `seconds` were spent on `batches`.
    """

    connected: bool = False
    problem: str = ""
    stalled: bool = False
    sequence: int = 0
    lag: int = 0
    in_quarantine: int = 0
    events: int = 0
    quarantined: int = 0
    batches: int = 0
    seconds: float = 0.0
    restarts: int = 0
    gaps: int = 0
    connections_lost: int = 0
    commit_failures: int = 0


class Reporter(Observer):
    """Writes reports on the worker of `shard` to the file descriptor `descriptor`, a line of JSON each.

    It writes when something has changed, at most four times a second, and once a second with the lag.
    """

    def __init__(self, descriptor: int, shard: Shard) -> None:
        self._descriptor = descriptor
        self._shard = shard
        self._report = Report()
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write, name="reports", daemon=True)
        self._thread.start()

    def connected(self, checkpoint: Checkpoint) -> None:
        """Reports that the worker applies events, from `checkpoint` on."""
        with self._lock:
            self._report.connected = True
            self._report.problem = ""
            self._report.stalled = False
            self._report.sequence = checkpoint.sequence
            self._report.in_quarantine = checkpoint.quarantined
        self._changed.set()

    def waiting(self, reason: str) -> None:
        """Reports `reason`, which names the process that keeps the shard now."""
        with self._lock:
            self._report.problem = reason
        self._changed.set()

    def stalled(self, reason: str) -> None:
        """Reports that no events are applied because the stream changed, as `reason` says."""
        with self._lock:
            self._report.connected = False
            self._report.stalled = True
            self._report.problem = reason
        self._changed.set()

    def restarted(self, error: ProjectionError) -> None:
        """Reports `error`, and counts it by its kind."""
        with self._lock:
            report = self._report
            report.connected = False
            report.problem = str(error)
            report.restarts += 1
            report.gaps += isinstance(error, GapError)
            report.connections_lost += isinstance(error, ConnectionLostError)
            report.commit_failures += isinstance(error, StoreError)
        self._changed.set()

    def committed(self, events: Sequence[Event], result: ProjectedBatch, seconds: float) -> None:
        """Counts a batch, which took `seconds`, and its events."""
        with self._lock:
            report = self._report
            report.sequence = events[-1].sequence
            report.events += len(events)
            report.quarantined += len(result.quarantined)
            report.in_quarantine += len(result.quarantined)
            report.batches += 1
            report.seconds += seconds
        self._changed.set()

    def close(self) -> None:
        """Writes nothing more, and waits until that is so."""
        self._over.set()
        self._changed.set()
        self._thread.join()

    def _write(self) -> None:
        asked = 0.0
        while not self._over.is_set():
            self._changed.wait(_LAG_PERIOD)
            self._changed.clear()
            lag = None
            if time.monotonic() - asked >= _LAG_PERIOD:
                lag, asked = _lag(self._shard), time.monotonic()
            with self._lock:
                if lag is not None:
                    self._report.lag = lag
                line = msgspec.json.encode(self._report) + b"\n"
            # Who reads has gone: then this process is about to end, too.
            with contextlib.suppress(OSError):
                os.write(self._descriptor, line)
            self._over.wait(_PERIOD)


def _lag(shard: Shard) -> int | None:
    """The number of events that are not committed; None if NATS does not say."""
    try:
        assignment = shard.answering()
        if assignment is None:
            return None
        with JetStream(assignment.login) as jetstream:
            return jetstream.lag(assignment.consumer)
    except ProjectionError:
        return None  # NATS is away, which the worker says, or the consumer is being made anew.
