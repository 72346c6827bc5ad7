"""Queries over the views of one tenant: filter, sort, and pages that a cursor continues.

A query names its tenant, and every key that it looks at is made from that name: no filter, prefix or cursor
leads to another tenant's views.
"""

import base64
import bisect
import hashlib
import json
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from apps.projections.errors import KeyFormatError, ProjectionError
from apps.projections.keys import ViewKey, tenant_prefix

_CONDITION = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*)(\^=|!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "^=": lambda value, start: isinstance(value, str) and value.startswith(start),
}
_MISSING = object()
_Order = tuple[int, Any]


class QueryError(ProjectionError):
    """The query cannot be answered; the message says how to ask instead."""


class Views(Protocol):
    """What of a store is queried."""

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]: ...


@dataclass(frozen=True)
class Condition:
    """`path operator value`; a view without `path`, or with a value of another type, meets `!=` alone."""

    path: str
    operator: str
    value: Any

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """`delays.mean>=10`; the value is JSON, or text. Raises QueryError."""
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise QueryError(f"where: {text[:80]!r} is not PATH OPERATOR VALUE ({' '.join(_OPERATORS)})")
        path, sign, value = found.groups()
        return cls(path, sign, value if sign == "^=" else _json_or_text(value))

    def holds(self, view: Any) -> bool:
        value = _at(view, self.path)
        if _order(value)[0] != _order(self.value)[0]:
            return self.operator == "!="
        return _OPERATORS[self.operator](value, self.value)


@dataclass(frozen=True)
class Query:
    """`sort` is a path, the order of ids when there is none; `after` a cursor of the page before."""

    view: str
    tenant: str
    prefix: str = ""
    where: tuple[Condition, ...] = ()
    sort: str | None = None
    descending: bool = False
    limit: int = 100
    after: str | None = None

    @property
    def fingerprint(self) -> str:
        """Of what makes a cursor belong to this query."""
        parts = [self.view, self.tenant, self.prefix, self.sort, self.descending]
        conditions = [[each.path, each.operator, each.value] for each in self.where]
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
class Bounds:
    """Views that a query may look at; bytes of views in a page."""

    scan: int
    size: int


@dataclass(frozen=True)
class Page:
    """Ids and views, where the next page begins (None: this is the last) and how many were looked at."""

    views: list[tuple[str, bytes]]
    next: str | None
    scanned: int


def page(views: Views, query: Query, bounds: Bounds) -> Page:
    """Raises QueryError for a cursor of another query, and for a sort over more than may be looked at."""
    with closing(views.scan(query.scope, _begin(query))) as found:  # type: ignore[type-var]  # a generator
        return _by_id(found, query, bounds) if query.sort is None else _sorted(found, query, bounds)


def _by_id(found: Iterator[tuple[bytes, bytes]], query: Query, bounds: Bounds) -> Page:
    taken: list[tuple[str, bytes]] = []
    size = scanned = 0
    last: str | None = None
    for key, raw in found:
        full = len(taken) == query.limit or (taken and size + len(raw) > bounds.size)
        if full or scanned == bounds.scan:
            return Page(taken, _cursor(query, None, last or ""), scanned)
        scanned += 1
        last = ViewKey.decode(key).view_id
        if _meets(query, raw):
            taken.append((last, raw))
            size += len(raw)
    return Page(taken, None, scanned)


def _sorted(found: Iterator[tuple[bytes, bytes]], query: Query, bounds: Bounds) -> Page:
    begin = _decoded(query)
    best: list[tuple[tuple[_Order, str], bytes]] = []
    room, size, scanned, more = query.limit, 0, 0, False
    worst = 0 if query.descending else -1
    for key, raw in found:
        scanned += 1
        if scanned > bounds.scan:
            raise QueryError(
                f"sort: more than {bounds.scan} views would be looked at: narrow by prefix, or leave sort out"
            )
        view = msgspec.json.decode(raw)
        if not all(condition.holds(view) for condition in query.where):
            continue
        place = (_order(_at(view, query.sort or "")), ViewKey.decode(key).view_id)
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
    return Page(taken, _cursor(query, *best[-1][0]) if more and best else None, scanned)


def _meets(query: Query, raw: bytes) -> bool:
    if not query.where:
        return True
    view = msgspec.json.decode(raw)
    return all(condition.holds(view) for condition in query.where)


def _at(view: Any, path: str) -> Any:
    value = view
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _order(value: Any) -> _Order:
    """Comparable among all JSON values: by type, then by value."""
    match value:
        case None:
            return (1, 0)
        case bool():
            return (2, value)
        case int() | float():
            return (3, value)
        case str():
            return (4, value)
        case list() | dict():
            return (5, json.dumps(value, sort_keys=True))
    return (0, 0)


def _json_or_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return text


def _cursor(query: Query, order: _Order | None, view_id: str) -> str:
    content = json.dumps([query.fingerprint, order, view_id]).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _begin(query: Query) -> bytes:
    """The key behind which the scan goes on: a sorted query looks at all again."""
    begin = _decoded(query)
    if begin is None or query.sort is not None:
        return b""
    try:
        return ViewKey(query.tenant, query.view, begin[1]).encode() if begin[1] else b""
    except KeyFormatError as error:
        raise QueryError(f"after: {error}") from None


def _decoded(query: Query) -> tuple[_Order, str] | None:
    if query.after is None:
        return None
    try:
        padded = query.after + "=" * (-len(query.after) % 4)
        fingerprint, order, view_id = json.loads(base64.urlsafe_b64decode(padded.encode()))
        if fingerprint == query.fingerprint and isinstance(view_id, str):
            rank, value = order if query.sort is not None else (0, 0)
            return ((int(rank), value), view_id)
    except (ValueError, TypeError):
        pass
    raise QueryError("after: this is not a cursor of this query; begin again without it")
