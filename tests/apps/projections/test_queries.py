"""Queries over an ordered store held in memory: what they find, and what they never do."""

import json
from bisect import bisect_right
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.projections.keys import ViewKey
from apps.projections.queries import Bounds, Condition, Query, QueryError, page

_WIDE = Bounds(scan=10_000, size=1 << 20)


class Memory:
    """The order and the prefixes of the real store; a mock of the rest."""

    def __init__(self, views: dict[ViewKey, object]) -> None:
        self._views = sorted((key.encode(), json.dumps(view).encode()) for key, view in views.items())

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        begin = bisect_right(self._views, after, key=lambda each: each[0])
        yield from (each for each in self._views[begin:] if each[0].startswith(prefix))


def _carriers(**delays: object) -> Memory:
    return Memory({ViewKey("ewr", "carriers", name): {"delay": delay} for name, delay in delays.items()})


def _all(views: Memory, query: Query, bounds: Bounds = _WIDE) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        got = page(views, Query(**{**query.__dict__, "after": after}), bounds)
        found += [name for name, _ in got.views]
        if got.next is None:
            return found
        after = got.next


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("delay>=10", {"b", "c"}),
        ("delay=10", {"b"}),
        ("delay!=10", {"a", "c", "d", "e"}),
        ("delay<10", {"a"}),
        ("delay^=la", {"d"}),
        ('delay="late"', {"d"}),
        ("delay=late", {"d"}),
        ("delay=null", {"e"}),
        ("delay.mean>1", set()),
    ],
)
def test_a_condition_meets_values_of_its_own_type(condition: str, found: set[str]) -> None:
    views = _carriers(a=5, b=10, c=15.5, d="late", e=None)
    assert set(_all(views, Query("carriers", "ewr", where=(Condition.parse(condition),)))) == found


def test_a_condition_reaches_into_objects() -> None:
    views = _carriers(a={"mean": 3}, b={"mean": 30})
    assert _all(views, Query("carriers", "ewr", where=(Condition.parse("delay.mean>3"),))) == ["b"]


@pytest.mark.parametrize("text", ["", "delay", ">=3", "de lay=3"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="where"):
        Condition.parse(text)


_NAMES = st.text(alphabet=st.sampled_from("ab:%/é"), min_size=1, max_size=4)
_VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.text("xy", max_size=2))


@given(
    st.dictionaries(st.tuples(_NAMES, _NAMES, _NAMES), _VALUES, max_size=30),
    _NAMES,
    _NAMES,
    st.sampled_from(["", "a", ":", "%"]),
    st.integers(1, 5),
    st.sampled_from([None, "delay", "absent"]),
    st.booleans(),
)
def test_pages_together_are_the_tenants_views_in_one_order_each_once(
    given_views: dict[tuple[str, str, str], object],
    tenant: str,
    view: str,
    prefix: str,
    limit: int,
    sort: str | None,
    descending: bool,
) -> None:
    views = Memory({ViewKey(*names): {"delay": value} for names, value in given_views.items()})
    own = [names[2] for names in given_views if names[:2] == (tenant, view) and names[2].startswith(prefix)]
    query = Query(view, tenant, prefix, sort=sort, descending=bool(sort) and descending, limit=limit)
    found = _all(views, query)
    assert sorted(found) == sorted(own)
    assert found == _all(views, Query(**{**query.__dict__, "limit": 1000}))
    for bounds in (Bounds(scan=10_000, size=1), Bounds(scan=10_000, size=40)):
        assert _all(views, query, bounds) == found


def test_sorting_is_by_value_and_then_by_id() -> None:
    views = _carriers(d=1, c=2, b=2, a=3, e="late")
    assert _all(views, Query("carriers", "ewr", sort="delay")) == ["d", "b", "c", "a", "e"]
    assert _all(views, Query("carriers", "ewr", sort="delay", descending=True)) == ["e", "a", "c", "b", "d"]


def test_an_order_of_ids_goes_on_behind_what_it_may_look_at() -> None:
    views = _carriers(**{f"c{n:03}": n for n in range(50)})
    query = Query("carriers", "ewr", where=(Condition.parse("delay>=45"),))
    first = page(views, query, Bounds(scan=10, size=1 << 20))
    assert first.views == []
    assert first.scanned == 10
    assert first.next is not None
    assert _all(views, query, Bounds(scan=10, size=1 << 20)) == ["c045", "c046", "c047", "c048", "c049"]


def test_a_sort_over_more_than_it_may_look_at_is_refused() -> None:
    views = _carriers(a=1, b=2, c=3)
    with pytest.raises(QueryError, match="narrow by prefix"):
        page(views, Query("carriers", "ewr", sort="delay"), Bounds(scan=2, size=1 << 20))


def test_views_that_come_and_go_between_pages_move_no_others() -> None:
    before = {f"c{n}": n for n in range(6)}
    query = Query("carriers", "ewr", sort="delay", limit=3)
    first = page(_carriers(**before), query, _WIDE)
    assert [name for name, _ in first.views] == ["c0", "c1", "c2"]
    changed = {name: value for name, value in before.items() if name != "c1"} | {"b": -1}
    second = page(_carriers(**changed), Query(**{**query.__dict__, "after": first.next}), _WIDE)
    assert [name for name, _ in second.views] == ["c3", "c4", "c5"]


@pytest.mark.parametrize("change", [{"tenant": "jfk"}, {"view": "board"}, {"sort": "delay"}, {"prefix": "a"}])
def test_a_cursor_belongs_to_its_query(change: dict[str, str]) -> None:
    views = _carriers(a=1, b=2)
    query = Query("carriers", "ewr", limit=1)
    after = page(views, query, _WIDE).next
    assert after is not None
    with pytest.raises(QueryError, match="cursor"):
        page(views, Query(**{**query.__dict__, **change, "after": after}), _WIDE)


@pytest.mark.parametrize("after", ["x", "AAAA", "W10", "bnVsbA", "é"])
def test_what_is_no_cursor_is_refused(after: str) -> None:
    with pytest.raises(QueryError, match="cursor"):
        page(_carriers(a=1), Query("carriers", "ewr", after=after), _WIDE)
