"""Probes and metrics over HTTP. They wait for no query; /live and /health do not wait for a disk either."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.projections.metrics import CONTENT_TYPE


class Health(Protocol):
    """The state of a service, as its probes ask for it. Each answer says what is wrong; empty if all is
    well."""

    def dead(self) -> str:
        """Returns what has ended for good. Answers from memory."""
        ...

    def unhealthy(self) -> str:
        """Returns what needs an operator. Answers from memory."""
        ...

    def unready(self) -> str:
        """Returns why queries are not to be sent here now. May look at the disk."""
        ...


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="probe")


@dataclass(frozen=True)
class Probes:
    """The routes of the probes, which ask `health`, and of /metrics, whose text `metrics` returns."""

    health: Health
    metrics: Callable[[], bytes]
    _threads: ThreadPoolExecutor = field(default_factory=_threads)

    @property
    def routes(self) -> list[Route]:
        """The routes, for an application."""
        return [
            Route("/health", self._health),
            Route("/live", self._live),
            Route("/ready", self._ready),
            Route("/metrics", self._metrics),
        ]

    async def _health(self, _request: Request) -> Response:
        return _answer(self.health.unhealthy())

    async def _live(self, _request: Request) -> Response:
        return _answer(self.health.dead())

    async def _ready(self, _request: Request) -> Response:
        # The disk may hang: that must not hold up /live, for which Kubernetes kills the pod.
        return _answer(await asyncio.get_running_loop().run_in_executor(self._threads, self.health.unready))

    async def _metrics(self, _request: Request) -> Response:
        content = await asyncio.get_running_loop().run_in_executor(self._threads, self.metrics)
        return Response(content, media_type=CONTENT_TYPE)


def _answer(wrong: str) -> Response:
    return JSONResponse({"status": wrong or "ok"}, 503 if wrong else 200)
