"""Brings the generations of a shard from state to state, and does what each state asks for."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from apps.projections.directory_lock import exclusive_lock
from apps.projections.errors import ProjectionError, StoreGoneError, StreamChangedError
from apps.projections.generations.catch_up import CatchUp
from apps.projections.generations.states import AWAITED, Generation, GenerationError, State
from apps.projections.generations.supervisor import Supervisor
from apps.projections.jetstream import delete_consumer
from apps.projections.sandbox.process import Sandbox
from apps.projections.shard import Shard
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
        self._supervisor = Supervisor(shard)
        self._catch_up = CatchUp(shard)
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
                answering = self._generations.answering
                assert answering is not None
                try:
                    self._work_on(answering)
                except StreamChangedError as error:
                    self._stall(answering, str(error))
                except (GenerationError, StoreGoneError):
                    # It was retired while it was taken up: another one answers by now.
                    if self._is_answering(answering):
                        raise
        finally:
            self._supervisor.close()

    def _work_on(self, answering: Generation) -> None:
        """Applies events to the generation `answering` in this process, until another one answers."""
        self._supervisor.end(answering.number)
        worker = Worker(self._shard, answering, self._observer)
        failures: list[ProjectionError] = []

        def work() -> None:
            try:
                worker.run()
            except ProjectionError as error:
                failures.append(error)

        thread = threading.Thread(target=work, name=f"generation {answering.number}")
        thread.start()
        try:
            for _ in self._looks(answering):
                if not thread.is_alive():
                    break
        finally:
            worker.stop()
            thread.join()
        if failures:
            raise failures[0]

    def _stall(self, answering: Generation, reason: str) -> None:
        """Reports that the stream changed, keeps the other generations, and returns after a while: the stream
        may be restored. Queries are answered meanwhile from the views as they are."""
        self._observer.stalled(reason)
        if reason != self._stall_reason:
            _log.error("no events are applied to generation %d: %s", answering.number, reason)
            self._stall_reason = reason
        until = time.monotonic() + _STALLED_SECONDS
        for _ in self._looks(answering):
            if time.monotonic() > until:
                break

    def _looks(self, answering: Generation) -> Iterator[None]:
        """Yields twice a second, after a look at all generations, as long as `answering` is the one that
        answers."""
        while not self._stopping.wait(_LOOK_SECONDS):
            self._look(answering)
            if not self._is_answering(answering):
                return
            yield

    def _look(self, here: Generation) -> None:
        """Does once what the state of each generation asks for. This process works on the generation
        `here`."""
        generations = self._generations.in_state(*State)
        others = {each.number: each for each in generations if each.number != here.number}
        live = {number: each for number, each in others.items() if each.state is not State.RETIRED}
        self._supervisor.keep_running(live)
        for generation in others.values():
            if generation.state is State.RETIRED:
                self._clean_up(generation)
        for generation in generations:
            if generation.state in AWAITED and self._catch_up.is_complete(generation):
                with contextlib.suppress(GenerationError):  # Retired or replaced since it was listed.
                    self._generations.caught_up(generation.number)
                if generation.state is State.FILLING:
                    return

    def _clean_up(self, retired: Generation) -> None:
        """Deletes what is left of a retired generation. Its process has ended, so nothing of it is made
        again."""
        try:
            delete_consumer(self._shard.login, self._shard.consumer(retired))
            self._generations.forget(retired.number)
        except ProjectionError as error:
            _log.debug("generation %d is cleaned up later: %s", retired.number, error)

    def _is_answering(self, generation: Generation) -> bool:
        now = self._generations.answering
        return now is not None and now.number == generation.number
