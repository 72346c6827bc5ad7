"""Queries over the views of one tenant: filter, sort, and pages that a cursor continues.

A query names its tenant, and every key that it looks at is made from that name: no filter, prefix or cursor
leads to another tenant's views. What it may cost is bounded before it begins and while it runs.
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
    """What of a store is queried."""

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]: ...


@dataclass(frozen=True)
class Query:
    """`sort` is a path, the order of ids when there is none; `after` a cursor of the page before."""

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
        """Of what makes a cursor belong to this query."""
        parts = [self.view, self.tenant, self.prefix, self.sort, self.descending]
        conditions = [each.text for each in self.where]
        return hashlib.blake2b(json.dumps([parts, conditions]).encode(), digest_size=8).hexdigest()

    @property
    def scope(self) -> bytes:
        """What the keys of the views in question begin with. Raises QueryError."""
        try:
            if self.prefix:
                return ViewKey(self.tenant, self.view, self.prefix).encode()
            return tenant_prefix(self.tenant, self.view)
        except KeyFormatError as error:
            raise QueryError(str(error)) from None


@dataclass(frozen=True)
class QueryBounds:
    """What one query may look at, in views and in bytes of them, for how many seconds, and how many bytes a
    page may have."""

    scan: int
    size: int
    read: int = 256 << 20
    seconds: float = 5.0


class Budget:
    """What is left of the bounds of a query that runs."""

    def __init__(self, bounds: QueryBounds, clock: Callable[[], float] = time.monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._until = clock() + bounds.seconds
        self.views = 0
        self._bytes = 0

    @property
    def spent(self) -> str:
        """Which bound is reached; nothing while none is."""
        if self.views >= self._bounds.scan:
            return f"{self._bounds.scan} views"
        if self._bytes >= self._bounds.read:
            return f"{self._bounds.read} bytes of views"
        return ""

    @property
    def overdue(self) -> bool:
        return self._clock() >= self._until

    def look(self, raw: bytes) -> None:
        """Count a view that is looked at."""
        self.views += 1
        self._bytes += len(raw)


@dataclass(frozen=True)
class Page:
    """Ids and views, where the next page begins (None: this is the last) and how many were looked at."""

    views: list[tuple[str, bytes]]
    next: str | None
    scanned: int


def find_page(
    views: Views, query: Query, bounds: QueryBounds, clock: Callable[[], float] = time.monotonic
) -> Page:
    """In the order of ids a query that has reached a bound gives what it found by then, and where to go on.
    Raises QueryError for a cursor of another query, and for a sort over more than may be looked at;
    OverdueError for a sort that took too long."""
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
        budget.look(raw)
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
                f"sort: more than {spent} would be looked at: narrow by prefix, or leave sort out"
            )
        if budget.overdue:
            raise OverdueError(
                f"sort: it is not done after {bounds.seconds:g} seconds: narrow by prefix, leave sort out, "
                "or ask again when there is less to do"
            )
        budget.look(raw)
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
    """The view; one that cannot be read has no value anywhere, and hides no other."""
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
    """The key behind which the scan goes on: a sorted query looks at all again."""
    if begin is None or query.sort is not None or not begin[1]:
        return b""
    try:
        return ViewKey(query.tenant, query.view, begin[1]).encode()
    except KeyFormatError as error:
        raise QueryError(f"after: {error}") from None
