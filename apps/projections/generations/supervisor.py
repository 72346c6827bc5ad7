"""The processes of the generations that do not answer queries."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from apps.projections.generations.process import GenerationProcess
from apps.projections.shard import Assignment

_SHORTEST_WAIT, _LONGEST_WAIT = 5.0, 300.0
"""Seconds from the start of a process to the start of the next one, when the first has ended by itself: as
when the stream is not the one that an old generation was built from."""


@dataclass
class _Run:
    process: GenerationProcess
    since: float
    wait: float


class Supervisor:
    """Keeps a process running for each generation that it is asked to."""

    def __init__(self) -> None:
        self._running: dict[int, _Run] = {}

    def keep_running(self, assignments: Sequence[Assignment]) -> None:
        """Starts a process for each of `assignments` that has none, and ends the processes of all other
        generations.

        A process that has ended by itself is started again after a wait, which doubles as long as that
        recurs.
        """
        for number in self._running.keys() - {each.generation.number for each in assignments}:
            self.end(number)
        now = time.monotonic()
        for assignment in assignments:
            number, wait = assignment.generation.number, _SHORTEST_WAIT
            if run := self._running.get(number):
                if run.process.exit_code is None or now - run.since < run.wait:
                    continue
                self.end(number)
                quickly = now - run.since < 2 * run.wait
                wait = min(2 * run.wait, _LONGEST_WAIT) if quickly else _SHORTEST_WAIT
            self._running[number] = _Run(GenerationProcess(assignment), now, wait)

    def end(self, number: int) -> None:
        """Lets the process of generation `number`, if it has one, commit what it has in hand, and ends it."""
        if run := self._running.pop(number, None):
            run.process.stop()

    def close(self) -> None:
        """Ends all processes."""
        for number in list(self._running):
            self.end(number)
