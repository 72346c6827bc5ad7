"""Whose query runs when: so many at once, and fewer of one tenant, which leaves room for the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from apps.projections.errors import ProjectionError

_T = TypeVar("_T")


class TooManyQueriesError(ProjectionError):
    """One tenant asks more at once than may wait."""


class BusyError(ProjectionError):
    """No turn came in time."""


@dataclass
class _Tenant:
    running: asyncio.Semaphore
    asking: int = 0


@dataclass(frozen=True)
class ConcurrencyLimits:
    """Queries that run at once, in all; how many `of_tenant` run or are being sent; how many of a tenant's
    may wait behind those, and for how many seconds."""

    at_once: int = 4
    of_tenant: int = 2
    waiting: int = 50
    seconds: float = 5.0


@dataclass
class QueryLimiter:
    """Runs queries in threads of their own: whoever answers probes is never behind them.

    A tenant's queries wait for one another first, and only those whose turn that is wait for the others'. So
    each tenant that asks gets its share, in the order of asking.
    """

    limits: ConcurrencyLimits
    _tenants: dict[str, _Tenant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._running = asyncio.Semaphore(self.limits.at_once)
        self._threads = ThreadPoolExecutor(self.limits.at_once, thread_name_prefix="query")

    @asynccontextmanager
    async def permit(self, tenant: str) -> AsyncIterator["QueryPermit"]:
        """A tenant's turn, which lasts until its answer is sent: that is in memory as long. Raises
        TooManyQueriesError at once, and BusyError when no turn comes."""
        until = asyncio.get_running_loop().time() + self.limits.seconds
        async with self._asking(tenant) as own:
            await self._acquire(own.running, until)
            try:
                yield QueryPermit(self, until)
            finally:
                own.running.release()

    async def run(self, work: Callable[[], _T], until: float) -> _T:
        """What `work` returns, or raises, among the queries of all: a reader holds up its own tenant alone.
        Raises BusyError when it could not begin by `until`, by the loop's clock."""
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
    """Of one query of a tenant."""

    limiter: QueryLimiter
    until: float

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns, or raises. Raises BusyError when others run all the time."""
        return await self.limiter.run(work, self.until)
