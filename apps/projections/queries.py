"""Queries over the views of one tenant: filter, sort, and pages that a cursor continues.

Every key that a query looks at is made from the tenant that it names: no filter, prefix or cursor leads to
another tenant's views. Its cost is bounded before it begins and while it runs.
"""

import bisect
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from apps.projections import cursors, view_paths
from apps.projections.conditions import Condition
from apps.projections.errors import KeyFormatError, OverdueError, QueryError
from apps.projections.keys import ViewKey, tenant_prefix
from apps.projections.ordering import SortKey, sort_key

_decode = msgspec.json.Decoder().decode


class Views(Protocol):
    """The part of a store that queries use."""

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yields keys and views, as Store.scan does."""
        ...


@dataclass(frozen=True)
class Query:
    """One query over the views of type `view` of `tenant`.

    `prefix` is how ids begin, `where` the conditions that a view must meet, and `sort` the path of the value
    that they are sorted by, or None for the order of ids. `limit` is the largest number of views of a page,
    and `after` the cursor of the page before, or None for the first page.
    """

    view: str
    tenant: str
    prefix: str = ""
    where: tuple[Condition, ...] = ()
    sort: view_paths.Path | None = None
    descending: bool = False
    limit: int = 100
    after: str | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of everything but `limit` and `after`: a cursor holds that of its query."""
        parts = [self.view, self.tenant, self.prefix, self.sort, self.descending]
        conditions = [each.text for each in self.where]
        return hashlib.blake2b(json.dumps([parts, conditions]).encode(), digest_size=8).hexdigest()

    @property
    def scope(self) -> bytes:
        """The bytes that the keys of the views in question begin with. Raises QueryError if they are too
        long."""
        try:
            if self.prefix:
                return ViewKey(self.tenant, self.view, self.prefix).encode()
            return tenant_prefix(self.tenant, self.view)
        except KeyFormatError as error:
            raise QueryError(str(error)) from None


@dataclass(frozen=True)
class QueryBounds:
    """The bounds of one query: it looks at `scan` views and `read` bytes of them, runs `seconds`, and returns
    at most `size` bytes."""

    scan: int
    size: int
    read: int = 256 << 20
    seconds: float = 5.0


class Budget:
    """Counts what a running query uses of its bounds. `views` is the number of views that it has looked
    at."""

    def __init__(self, bounds: QueryBounds, clock: Callable[[], float] = time.monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._until = clock() + bounds.seconds
        self.views = 0
        self._bytes = 0

    @property
    def spent(self) -> str:
        """The bound on views or bytes that is reached, in words; empty while none is."""
        if self.views >= self._bounds.scan:
            return f"{self._bounds.scan} views"
        if self._bytes >= self._bounds.read:
            return f"{self._bounds.read} bytes of views"
        return ""

    @property
    def overdue(self) -> bool:
        """True once the query has run as long as it may."""
        return self._clock() >= self._until

    def count(self, raw: bytes) -> None:
        """Counts the view `raw`, which the query looks at."""
        self.views += 1
        self._bytes += len(raw)


@dataclass(frozen=True)
class Page:
    """One page: ids and views, the cursor of the next page (None: this is the last), and how many views the
    query looked at."""

    views: list[tuple[str, bytes]]
    next: str | None
    scanned: int


def find_page(
    views: Views, query: Query, bounds: QueryBounds, clock: Callable[[], float] = time.monotonic
) -> Page:
    """Returns the page of `query` over `views`.

    Without a sort, a query that reaches a bound returns what it has found, with a cursor to go on. Raises
    QueryError for a cursor of another query, and for a sort over more views or bytes than may be looked at;
    OverdueError for a sort that takes too long.
    """
    begin = _begin(query)
    budget = Budget(bounds, clock)
    with closing(views.scan(query.scope, _key(query, begin))) as found:  # type: ignore[type-var]  # a generator
        if query.sort is None:
            return _by_id(found, query, bounds, budget)
        return _sorted(found, query, query.sort, begin, bounds, budget)


def _by_id(found: Iterator[tuple[bytes, bytes]], query: Query, bounds: QueryBounds, budget: Budget) -> Page:
    taken: list[tuple[str, bytes]] = []
    size = 0
    last: str | None = None
    for key, raw in found:
        full = len(taken) == query.limit or (taken and size + len(raw) > bounds.size)
        # One view at least, so that whoever goes on comes to an end.
        if full or (last is not None and (budget.spent or budget.overdue)):
            return Page(taken, cursors.encode(query.fingerprint, None, last or ""), budget.views)
        budget.count(raw)
        last = ViewKey.decode(key).view_id
        if not query.where or _meets(query, _readable(raw)):
            taken.append((last, raw))
            size += len(raw)
    return Page(taken, None, budget.views)


def _sorted(
    found: Iterator[tuple[bytes, bytes]],
    query: Query,
    sort: view_paths.Path,
    begin: cursors.Position | None,
    bounds: QueryBounds,
    budget: Budget,
) -> Page:
    best: list[tuple[tuple[SortKey, str], bytes]] = []
    room, size, more = query.limit, 0, False
    worst = 0 if query.descending else -1
    for key, raw in found:
        if spent := budget.spent:
            raise QueryError(
                f"sort: the query would look at more than {spent}: narrow it by prefix, or leave sort out"
            )
        if budget.overdue:
            raise OverdueError(
                f"sort: the query is not done after {bounds.seconds:g} seconds: narrow it by prefix, leave "
                "sort out, or ask again when the service has less to do"
            )
        budget.count(raw)
        view = _readable(raw)
        if not _meets(query, view):
            continue
        place = (sort_key(view_paths.value_at(view, sort)), ViewKey.decode(key).view_id)
        if begin is not None and (place >= begin if query.descending else place <= begin):
            continue
        bisect.insort(best, (place, raw), key=lambda each: each[0])
        size += len(raw)
        while len(best) > room or (size > bounds.size and len(best) > 1):
            size -= len(best.pop(worst)[1])
            # What is left is a prefix of the order only so long as nothing worse comes in again.
            room, more = len(best), True
    if query.descending:
        best.reverse()
    taken = [(place[1], raw) for place, raw in best]
    following = cursors.encode(query.fingerprint, *best[-1][0]) if more and best else None
    return Page(taken, following, budget.views)


def _readable(raw: bytes) -> Any:
    """The decoded view; None if it cannot be read, so that it does not keep a query from the other views."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _meets(query: Query, view: Any) -> bool:
    return all(condition.matches(view) for condition in query.where)


def _begin(query: Query) -> cursors.Position | None:
    if query.after is None:
        return None
    return cursors.decode(query.after, query.fingerprint, is_sorted=query.sort is not None)


def _key(query: Query, begin: cursors.Position | None) -> bytes:
    """The key behind which the scan goes on; empty for a sorted query, which looks at all views again."""
    if begin is None or query.sort is not None or not begin[1]:
        return b""
    try:
        return ViewKey(query.tenant, query.view, begin[1]).encode()
    except KeyFormatError as error:
        raise QueryError(f"after: {error}") from None
