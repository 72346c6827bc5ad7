"""The generations beside the one that answers, each in a process of its own, and their consumers."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from apps.projections.backfill import Backfill, Order, Source
from apps.projections.errors import ProjectionError
from apps.projections.generations import Generation, GenerationError, Generations
from apps.projections.jetstream import ConsumerConfig, delete_consumer
from apps.projections.nats_connection import Login

_SOONEST, _LATEST = 5.0, 300.0
"""Seconds from the start of a process that ended to the next: as when the stream is not the one that an old
generation was made from."""


@dataclass
class _Attempt:
    process: Backfill
    since: float
    wait: float


class Backfills:
    """Follows what is wanted: begins, restarts, ends."""

    def __init__(self, generations: Generations, source: Source, login: Login) -> None:
        self._generations = generations
        self._source = source
        self._login = login
        self._running: dict[int, _Attempt] = {}
        self._consumers: dict[int, ConsumerConfig] = {}
        """Of the generations that there were since this began."""

    def tend(self, active: Generation) -> None:
        """Have a process for each generation but `active`, and of others neither process nor consumer."""
        known = {each.number: each for each in (*self._generations.all, active)}
        wanted = {number: each for number, each in known.items() if number != active.number}
        for number in self._running.keys() - wanted.keys():
            self.end(number)
        for number, each in known.items():
            self._consumers[number] = self._source.of(each).consumer(number)
        self._forget(self._consumers.keys() - known.keys())
        self._begin(wanted)

    def end(self, number: int) -> None:
        """Let the process of a generation, if there is one, commit what it has and end."""
        if attempt := self._running.pop(number, None):
            attempt.process.stop()

    def close(self) -> None:
        for number in list(self._running):
            self.end(number)

    def _begin(self, wanted: Mapping[int, Generation]) -> None:
        now = time.monotonic()
        for number, generation in wanted.items():
            wait = _SOONEST
            if before := self._running.get(number):
                if before.process.ended is None or now - before.since < before.wait:
                    continue
                self.end(number)
                quickly = now - before.since < 2 * before.wait
                wait = min(2 * before.wait, _LATEST) if quickly else _SOONEST
            with contextlib.suppress(GenerationError):  # Retired since it was listed.
                self._running[number] = _Attempt(Backfill(self._order(generation)), now, wait)

    def _order(self, generation: Generation) -> Order:
        return Order(
            source=self._source.of(generation),
            program=self._generations.program(generation),
            path=str(self._generations.path(generation)),
            generation=generation.number,
            start=generation.start,
            servers=self._login.servers,
            user=self._login.user,
            password=self._login.password,
        )

    def _forget(self, retired: set[int]) -> None:
        """Delete their consumers: their workers have ended, so that nobody makes them again."""
        for number in retired:
            with contextlib.suppress(ProjectionError):  # NATS is away: the next time.
                delete_consumer(self._login, self._consumers[number])
                del self._consumers[number]
