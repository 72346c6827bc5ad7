"""Probes and metrics over HTTP. They share no thread with queries, and live and healthy no file either."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.projections.metrics import CONTENT_TYPE


class State(Protocol):
    """What the probes ask for: what is wrong, nothing when all is well."""

    def dead(self) -> str:
        """Answers from memory."""
        ...

    def unhealthy(self) -> str:
        """Answers from memory."""
        ...

    def unready(self) -> str:
        """May look at the disk."""
        ...


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="probe")


@dataclass(frozen=True)
class Probes:
    state: State
    metrics: Callable[[], bytes]
    _threads: ThreadPoolExecutor = field(default_factory=_threads)

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/health", self.health),
            Route("/live", self.live),
            Route("/ready", self.ready),
            Route("/metrics", self.scrape),
        ]

    async def health(self, _request: Request) -> Response:
        return _answer(self.state.unhealthy())

    async def live(self, _request: Request) -> Response:
        return _answer(self.state.dead())

    async def ready(self, _request: Request) -> Response:
        """The disk may hang: that must hold up nobody who asks whether the service lives."""
        return _answer(await asyncio.get_running_loop().run_in_executor(self._threads, self.state.unready))

    async def scrape(self, _request: Request) -> Response:
        content = await asyncio.get_running_loop().run_in_executor(self._threads, self.metrics)
        return Response(content, media_type=CONTENT_TYPE)


def _answer(wrong: str) -> Response:
    return JSONResponse({"status": wrong or "ok"}, 503 if wrong else 200)
