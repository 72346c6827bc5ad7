"""Brings the generations of a shard from state to state, and does what each state asks for."""

import contextlib
import logging
import threading
import time

from apps.projections.directory_lock import exclusive_lock
from apps.projections.errors import ProjectionError, StoreGoneError, StreamChangedError
from apps.projections.generations.catch_up import CatchUp
from apps.projections.generations.states import ANSWERING, AWAITED, GenerationError, State
from apps.projections.generations.supervisor import Supervisor
from apps.projections.jetstream import JetStream
from apps.projections.sandbox.process import Sandbox
from apps.projections.shard import Assignment, Shard
from apps.projections.worker import Observer, Worker

_log = logging.getLogger("apps.projections.generations.controller")
_LOOK_SECONDS = 0.5
_STALLED_SECONDS = 10.0


class GenerationController:
    """Keeps all generations of a shard, until `stop`.

    The generation that answers queries is worked on in this process, the others in processes of their own. A
    generation that is awaited answers once it has caught up, and a retired one loses its consumer. Changes
    that another process makes, such as a command line, are followed within a second.
    """

    def __init__(self, shard: Shard, observer: Observer | None = None) -> None:
        self._shard = shard
        self._generations = shard.generations
        self._observer = observer or Observer()
        self._stopping = threading.Event()
        self._supervisor = Supervisor()
        self._catch_up = CatchUp()
        self._stall_reason = ""

    def stop(self) -> None:
        """Asks `run` to return, after the batches in hand."""
        self._stopping.set()

    def run(self) -> None:
        """Waits until no other process keeps the shard, and keeps it then.

        Raises ProgramError for a declared program that cannot be loaded, before a generation is begun with
        it.
        """
        declared = self._shard.projection
        trial = Sandbox(declared.program, declared.limits)
        try:
            trial.load()
        finally:
            trial.close()
        with exclusive_lock(self._generations.root, self._stopping, self._wait) as owned:
            if owned:
                self._generations.declare(declared.program, declared.source)
                self._keep()

    def _wait(self, reason: str) -> None:
        _log.warning(reason)
        self._observer.waiting(reason)

    def _keep(self) -> None:
        try:
            while not self._stopping.is_set():
                here = self._shard.answering()
                assert here is not None
                try:
                    self._work_on(here)
                except StreamChangedError as error:
                    self._stall(here, str(error))
                except (GenerationError, StoreGoneError):
                    # It was retired while it was taken up: another one answers by now.
                    if self._shard.answering() == here:
                        raise
        finally:
            self._supervisor.close()

    def _work_on(self, here: Assignment) -> None:
        """Applies events to the generation that answers, in this process, until another one answers."""
        self._supervisor.end(here.generation.number)
        worker = Worker(here, self._observer)
        failures: list[ProjectionError] = []

        def work() -> None:
            try:
                worker.run()
            except ProjectionError as error:
                failures.append(error)

        thread = threading.Thread(target=work, name=f"generation {here.generation.number}")
        thread.start()
        try:
            while thread.is_alive() and self._look(here):
                self._stopping.wait(_LOOK_SECONDS)
        finally:
            worker.stop()
            thread.join()
        if failures:
            raise failures[0]

    def _stall(self, here: Assignment, reason: str) -> None:
        """Reports that the stream changed, keeps the other generations, and returns after a while: the stream
        may be restored. Queries are answered meanwhile from the views as they are."""
        self._observer.stalled(reason)
        if reason != self._stall_reason:
            _log.error("no events are applied to generation %d: %s", here.generation.number, reason)
            self._stall_reason = reason
        until = time.monotonic() + _STALLED_SECONDS
        while time.monotonic() < until and self._look(here):
            self._stopping.wait(_LOOK_SECONDS)

    def _look(self, here: Assignment) -> bool:
        """Does once what the state of each generation asks for, and returns whether to look again.

        This process works on the generation `here`, as long as that answers queries.
        """
        assignments = self._shard.assignments()
        numbers = [each.generation.number for each in assignments if each.generation.state in ANSWERING]
        if self._stopping.is_set() or numbers != [here.generation.number]:
            return False
        others = [each for each in assignments if each.generation.number != here.generation.number]
        self._supervisor.keep_running([each for each in others if each.generation.state is not State.RETIRED])
        for each in assignments:
            if each.generation.state is State.RETIRED:
                self._clean_up(each)
            elif each.generation.state in AWAITED and self._catch_up.is_complete(each):
                with contextlib.suppress(GenerationError):  # Retired or replaced since it was listed.
                    self._generations.caught_up(each.generation.number)
        return True

    def _clean_up(self, retired: Assignment) -> None:
        """Deletes what is left of a generation. Its process has ended, so nothing of it is made again."""
        try:
            with JetStream(retired.login) as jetstream:
                jetstream.delete_consumer(retired.consumer)
            self._generations.forget(retired.generation.number)
        except ProjectionError as error:
            _log.debug("generation %d is cleaned up later: %s", retired.generation.number, error)
