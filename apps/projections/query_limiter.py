"""Limits how many queries run at once, and how many of one tenant, so that no tenant keeps the others
waiting."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from apps.projections.errors import ProjectionError

_T = TypeVar("_T")


class TooManyQueriesError(ProjectionError):
    """A tenant has more queries at once than may wait. Answered with 429."""


class BusyError(ProjectionError):
    """A query waited for others as long as it may. Answered with 503."""


@dataclass
class _Tenant:
    running: asyncio.Semaphore
    asking: int = 0


@dataclass(frozen=True)
class ConcurrencyLimits:
    """The numbers of queries that there may be at once.

    `at_once` run, of all tenants. `of_tenant` of one tenant run or have their answers sent, and `waiting` of
    that tenant wait for those, each for at most `seconds`.
    """

    at_once: int = 4
    of_tenant: int = 2
    waiting: int = 50
    seconds: float = 5.0


@dataclass
class QueryLimiter:
    """Runs queries in threads of their own, so that probes never wait for them.

    A query waits for those of its own tenant first, and then for those of all tenants. So each tenant that
    asks gets a share, and its queries run in the order in which they came.
    """

    limits: ConcurrencyLimits
    _tenants: dict[str, _Tenant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._running = asyncio.Semaphore(self.limits.at_once)
        self._threads = ThreadPoolExecutor(self.limits.at_once, thread_name_prefix="query")

    @asynccontextmanager
    async def permit(self, tenant: str) -> AsyncIterator["QueryPermit"]:
        """Waits until a query of `tenant` may run, and yields the permit for it.

        Keep the permit until the answer is sent: it is in memory as long. Raises TooManyQueriesError at once
        if too many wait, and BusyError if the wait is too long.
        """
        until = asyncio.get_running_loop().time() + self.limits.seconds
        async with self._asking(tenant) as own:
            await self._acquire(own.running, until)
            try:
                yield QueryPermit(self, until)
            finally:
                own.running.release()

    async def run(self, work: Callable[[], _T], until: float) -> _T:
        """Runs `work` in a thread when the queries of all tenants leave room, and returns what it returns.

        Raises BusyError if it could not begin by `until`, a time of the loop's clock.
        """
        await self._acquire(self._running, until)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._running.release()

    async def _acquire(self, running: asyncio.Semaphore, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await running.acquire()
        except TimeoutError:
            raise BusyError(
                f"other queries were running, or their answers were not read, for {self.limits.seconds:g} "
                "seconds: ask again later"
            ) from None

    @asynccontextmanager
    async def _asking(self, tenant: str) -> AsyncIterator[_Tenant]:
        own = self._tenants.setdefault(tenant, _Tenant(asyncio.Semaphore(self.limits.of_tenant)))
        if own.asking >= self.limits.of_tenant + self.limits.waiting:
            raise TooManyQueriesError(
                f"{own.asking} queries of this tenant run or wait already: ask again later"
            )
        own.asking += 1
        try:
            yield own
        finally:
            own.asking -= 1
            if not own.asking:
                del self._tenants[tenant]


@dataclass(frozen=True)
class QueryPermit:
    """The permit for one query, which must begin by `until`, a time of the loop's clock."""

    limiter: QueryLimiter
    until: float

    async def run(self, work: Callable[[], _T]) -> _T:
        """Runs `work` in a thread and returns what it returns. Raises BusyError if it cannot begin in
        time."""
        return await self.limiter.run(work, self.until)
