"""Keeps all generations of a shard: the active one here, the others in processes of their own."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from apps.projections.backfill import Source
from apps.projections.backfills import Backfills
from apps.projections.catching_up import CatchingUp
from apps.projections.directory_lock import exclusive_lock
from apps.projections.errors import ProjectionError, StoreGoneError, StreamChangedError
from apps.projections.generations import Generation, GenerationError, Generations
from apps.projections.nats_connection import Login
from apps.projections.sandbox.process import Sandbox
from apps.projections.worker import Observer, Worker

_log = logging.getLogger("apps.projections.keeper")
_LOOK_SECONDS = 0.5
_STALLED_SECONDS = 10.0


class Keeper:
    """Runs until `stop`. A generation that never was active becomes so once it has caught up; any other
    is kept up to date, to go back to, until it is retired.

    Whoever changes `Generations` from outside (a command line) is followed within a second, also while the
    active one is stalled, which is to say that the stream is no longer the one that it was made from.
    """

    def __init__(
        self, root: Path, source: Source, program: str, login: Login, observer: Observer | None = None
    ) -> None:
        self._generations = Generations(root)
        self._source = source
        self._program = program
        self._login = login
        self._observer = observer or Observer()
        self._stopping = threading.Event()
        self._backfills = Backfills(self._generations, source, login)
        self._catching_up = CatchingUp(self._generations, source, login)
        self._stalled = ""

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Raises ProgramError for a program that cannot be loaded, before anything is begun with it."""
        trial = Sandbox(self._program, self._source.limits)
        try:
            trial.load()
        finally:
            trial.close()
        with exclusive_lock(self._generations.root, self._stopping, self._wait) as owned:
            if owned:
                self._keep()

    def _wait(self, reason: str) -> None:
        _log.warning(reason)
        self._observer.waiting(reason)

    def _keep(self) -> None:
        self._generations.ensure(self._program, self._source.events)
        try:
            while not self._stopping.is_set():
                active = self._generations.active
                assert active is not None
                try:
                    self._serve(active)
                except StreamChangedError as error:
                    self._stall(active, str(error))
                except (GenerationError, StoreGoneError):
                    # Retired while it was taken up: another one is active by now.
                    if not self._is_other(active):
                        raise
        finally:
            self._backfills.close()

    def _serve(self, active: Generation) -> None:
        """Until another one is active."""
        self._backfills.end(active.number)
        sandbox = Sandbox(self._generations.program(active), self._source.limits)
        source = self._source.of(active)
        projector = source.projector(sandbox)
        shard = source.work(self._generations.path(active), active.number, active.start)
        worker = Worker(shard, lambda: self._login, projector, self._observer)
        failures: list[ProjectionError] = []

        def work() -> None:
            try:
                worker.run()
            except ProjectionError as error:
                failures.append(error)

        thread = threading.Thread(target=work, name=f"generation {active.number}")
        thread.start()
        try:
            for _ in self._looking(active):
                if not thread.is_alive():
                    break
        finally:
            worker.stop()
            thread.join()
            sandbox.close()
        if failures:
            raise failures[0]

    def _stall(self, active: Generation, reason: str) -> None:
        """Say so and see to the others; try again after a while, since the stream may be restored."""
        self._observer.stalled(reason)
        if reason != self._stalled:
            _log.error("nothing is folded: %s", reason)
            self._stalled = reason
        until = time.monotonic() + _STALLED_SECONDS
        for _ in self._looking(active):
            if time.monotonic() > until:
                break

    def _looking(self, active: Generation) -> Iterator[None]:
        """Twice a second, while `active` is active: see to the other generations."""
        while not self._stopping.wait(_LOOK_SECONDS):
            self._backfills.tend(active)
            self._cut_over()
            if self._is_other(active):
                return
            yield

    def _is_other(self, active: Generation) -> bool:
        now = self._generations.active
        return now is None or now.number != active.number

    def _cut_over(self) -> None:
        """To what is filled by now."""
        if (first := self._generations.filling) and self._catching_up.done(first):
            self._generations.filled()
            _log.info("%s is filled", self._source.view_type)
        for generation in self._generations.upcoming:
            if self._catching_up.done(generation):
                with contextlib.suppress(GenerationError):  # Retired since it was listed.
                    self._generations.cut_over(generation.number)
                    _log.info("generation %d of %s answers now", generation.number, self._source.view_type)
                return
