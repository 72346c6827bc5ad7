"""Keeps all generations of a shard: the active one here, the others in processes of their own."""

import contextlib
import logging
import threading
from pathlib import Path

from apps.projections.backfill import Backfill, Order, Source
from apps.projections.errors import ProjectionError, StoreGoneError
from apps.projections.generations import Generation, GenerationError, Generations
from apps.projections.jetstream import JetStream, forget
from apps.projections.ownership import sole
from apps.projections.sandbox.process import Sandbox
from apps.projections.wire import Login, Wire
from apps.projections.worker import Observer, Worker

_log = logging.getLogger("apps.projections.keeper")
_LOOK_SECONDS = 0.5


class Keeper:
    """Runs until `stop`. A generation that never was active becomes so once it has caught up; any other
    is kept up to date, to go back to, until it is retired.

    Whoever changes `Generations` from outside (a command line) is followed within a second.
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
        self._backfills: dict[int, Backfill] = {}
        self._consumers: set[int] = set()
        """Generations that had a consumer since this began."""

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Raises ProgramError for a program that cannot be loaded, before anything is begun with it, and what
        `Worker.run` raises."""
        trial = Sandbox(self._program, self._source.limits)
        try:
            trial.load()
        finally:
            trial.close()
        with sole(self._generations.root, self._stopping, self._wait) as owned:
            if owned:
                self._keep()

    def _wait(self, reason: str) -> None:
        _log.warning(reason)
        self._observer.waiting(reason)

    def _keep(self) -> None:
        self._generations.ensure(self._program)
        try:
            while not self._stopping.is_set():
                active = self._generations.active
                assert active is not None
                try:
                    self._serve(active)
                except (GenerationError, StoreGoneError):
                    # Retired while it was taken up: another one is active by now.
                    if self._generations.active == active:
                        raise
        finally:
            for number in list(self._backfills):
                self._backfills.pop(number).stop()

    def _serve(self, active: Generation) -> None:
        """Until another one is active."""
        if backfill := self._backfills.pop(active.number, None):
            backfill.stop()
        self._consumers.add(active.number)
        sandbox = Sandbox(self._generations.program(active), self._source.limits)
        folder = self._source.folder(sandbox)
        shard = self._source.work(self._generations.path(active), active.number, active.start)
        worker = Worker(shard, lambda: self._login, folder, self._observer)
        failures: list[ProjectionError] = []

        def work() -> None:
            try:
                worker.run()
            except ProjectionError as error:
                failures.append(error)

        thread = threading.Thread(target=work, name=f"generation {active.number}")
        thread.start()
        try:
            while thread.is_alive() and not self._stopping.wait(_LOOK_SECONDS):
                self._tend(active)
                if self._generations.active != active:
                    break
        finally:
            worker.stop()
            thread.join()
            sandbox.close()
        if failures:
            raise failures[0]

    def _tend(self, active: Generation) -> None:
        wanted = {each.number: each for each in self._generations.all if each != active}
        for number in self._backfills.keys() - wanted.keys():
            self._backfills.pop(number).stop()
        self._forget(self._consumers - wanted.keys() - {active.number})
        for number, generation in wanted.items():
            backfill = self._backfills.get(number)
            if backfill is None or backfill.ended is not None:
                with contextlib.suppress(GenerationError):  # Retired since it was listed.
                    self._backfills[number] = self._begin(generation)
                    self._consumers.add(number)
        for generation in self._generations.upcoming:
            if self._caught_up(generation.number):
                with contextlib.suppress(GenerationError):
                    self._generations.cut_over(generation.number)
                    _log.info("generation %d of %s answers now", generation.number, self._source.view_type)
                return

    def _forget(self, retired: set[int]) -> None:
        """Delete their consumers; once their workers have ended, nobody makes them again."""
        for number in retired:
            with contextlib.suppress(ProjectionError):  # NATS is away: the next time.
                forget(self._login, self._source.consumer(number))
                self._consumers.remove(number)

    def _begin(self, generation: Generation) -> Backfill:
        order = Order(
            source=self._source,
            program=self._generations.program(generation),
            path=str(self._generations.path(generation)),
            generation=generation.number,
            start=generation.start,
            servers=self._login.servers,
            user=self._login.user,
            password=self._login.password,
        )
        return Backfill(order)

    def _caught_up(self, number: int) -> bool:
        try:
            wire = Wire(self._login)
        except ProjectionError:
            return False
        try:
            return JetStream(wire).lag(self._source.consumer(number)) == 0
        except ProjectionError:
            return False  # NATS went away, or its consumer is not there yet.
        finally:
            wire.close()
