"""Queries over an ordered store held in memory: what they find, and what they never do."""

import json
from base64 import urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.projections import cursors
from apps.projections.conditions import Condition
from apps.projections.errors import OverdueError, QueryError
from apps.projections.keys import ViewKey
from apps.projections.queries import Query, QueryBounds, find_page
from apps.projections.view_paths import parse

_WIDE = QueryBounds(scan=10_000, size=1 << 20)


class Memory:
    """The order and the prefixes of the real store; a mock of the rest."""

    def __init__(self, views: dict[ViewKey, object]) -> None:
        self._views = sorted((key.encode(), json.dumps(view).encode()) for key, view in views.items())

    def add(self, key: bytes, raw: bytes) -> None:
        self._views = sorted([*self._views, (key, raw)])

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        begin = bisect_right(self._views, after, key=lambda each: each[0])
        yield from (each for each in self._views[begin:] if each[0].startswith(prefix))


def _carriers(**delays: object) -> Memory:
    return Memory({ViewKey("ewr", "carriers", name): {"delay": delay} for name, delay in delays.items()})


def _all(views: Memory, query: Query, bounds: QueryBounds = _WIDE) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        got = find_page(views, Query(**{**query.__dict__, "after": after}), bounds)
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


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("delay", ("delay",)),
        ("delay.mean", ("delay", "mean")),
        ("délai-2.mean", ("délai-2", "mean")),
        ('"due.date"', ("due.date",)),
        ('"de lay".mean', ("de lay", "mean")),
        ('a."="', ("a", "=")),
        ('"-a"."say \\"hi\\""', ("-a", 'say "hi"')),
        ('""', ("",)),
    ],
)
def test_filter_and_sort_take_the_same_paths(path: str, names: tuple[str, ...]) -> None:
    assert parse(path) == names
    view: object = 7
    for name in reversed(names):
        view = {name: view}
    views = Memory({ViewKey("ewr", "carriers", "a"): {}, ViewKey("ewr", "carriers", "b"): view})
    assert _all(views, Query("carriers", "ewr", where=(Condition.parse(f"{path}=7"),))) == ["b"]
    assert _all(views, Query("carriers", "ewr", sort=parse(path), descending=True)) == ["b", "a"]


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "de lay", "-a", '"a', '"\\x"', "a\n"])
def test_what_is_no_path_is_refused_by_both(path: str) -> None:
    with pytest.raises(QueryError):
        parse(path)
    with pytest.raises(QueryError):
        Condition.parse(f"{path}=1")


@pytest.mark.parametrize("text", ["delay<null", "delay>=[1]", "delay<{}"])
def test_what_has_no_order_is_compared_for_being_equal_alone(text: str) -> None:
    with pytest.raises(QueryError, match="has no order"):
        Condition.parse(text)


@pytest.mark.parametrize(
    "text", ["delay=" + "[" * 900, "delay=" + "9" * 900, "delay=" + "[" * 450 + "]" * 450]
)
def test_a_condition_of_whatever_value_is_answered(text: str) -> None:
    views = _carriers(a=1, b=[1], c="x")
    assert _all(views, Query("carriers", "ewr", where=(Condition.parse(text),))) == []


def test_a_condition_too_long_is_refused() -> None:
    with pytest.raises(QueryError, match="1000 are allowed"):
        Condition.parse("delay=" + "9" * 1000)


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
    st.sampled_from([None, ("delay",), ("absent",)]),
    st.booleans(),
)
def test_pages_together_are_the_tenants_views_in_one_order_each_once(
    given_views: dict[tuple[str, str, str], object],
    tenant: str,
    view: str,
    prefix: str,
    limit: int,
    sort: tuple[str, ...] | None,
    descending: bool,
) -> None:
    views = Memory({ViewKey(*names): {"delay": value} for names, value in given_views.items()})
    own = [names[2] for names in given_views if names[:2] == (tenant, view) and names[2].startswith(prefix)]
    query = Query(view, tenant, prefix, sort=sort, descending=bool(sort) and descending, limit=limit)
    found = _all(views, query)
    assert sorted(found) == sorted(own)
    assert found == _all(views, Query(**{**query.__dict__, "limit": 1000}))
    for bounds in (QueryBounds(scan=10_000, size=1), QueryBounds(scan=10_000, size=40)):
        assert _all(views, query, bounds) == found


def test_sorting_is_by_value_and_then_by_id() -> None:
    views = _carriers(d=1, c=2, b=2, a=3, e="late")
    assert _all(views, Query("carriers", "ewr", sort=("delay",))) == ["d", "b", "c", "a", "e"]
    assert _all(views, Query("carriers", "ewr", sort=("delay",), descending=True)) == [
        "e",
        "a",
        "c",
        "b",
        "d",
    ]


def test_an_order_of_ids_goes_on_behind_what_it_may_look_at() -> None:
    views = _carriers(**{f"c{n:03}": n for n in range(50)})
    query = Query("carriers", "ewr", where=(Condition.parse("delay>=45"),))
    first = find_page(views, query, QueryBounds(scan=10, size=1 << 20))
    assert first.views == []
    assert first.scanned == 10
    assert first.next is not None
    assert _all(views, query, QueryBounds(scan=10, size=1 << 20)) == ["c045", "c046", "c047", "c048", "c049"]


def test_a_sort_over_more_than_it_may_look_at_is_refused() -> None:
    views = _carriers(a=1, b=2, c=3)
    with pytest.raises(QueryError, match="narrow it by prefix"):
        find_page(views, Query("carriers", "ewr", sort=("delay",)), QueryBounds(scan=2, size=1 << 20))


def test_views_that_come_and_go_between_pages_move_no_others() -> None:
    before = {f"c{n}": n for n in range(6)}
    query = Query("carriers", "ewr", sort=("delay",), limit=3)
    first = find_page(_carriers(**before), query, _WIDE)
    assert [name for name, _ in first.views] == ["c0", "c1", "c2"]
    changed = {name: value for name, value in before.items() if name != "c1"} | {"b": -1}
    second = find_page(_carriers(**changed), Query(**{**query.__dict__, "after": first.next}), _WIDE)
    assert [name for name, _ in second.views] == ["c3", "c4", "c5"]


@pytest.mark.parametrize(
    "change", [{"tenant": "jfk"}, {"view": "board"}, {"sort": ("delay",)}, {"prefix": "a"}]
)
def test_a_cursor_belongs_to_its_query(change: dict[str, Any]) -> None:
    views = _carriers(a=1, b=2)
    query = Query("carriers", "ewr", limit=1)
    after = find_page(views, query, _WIDE).next
    assert after is not None
    with pytest.raises(QueryError, match="cursor"):
        find_page(views, Query(**{**query.__dict__, **change, "after": after}), _WIDE)


def _forged(query: Query, content: str) -> str:
    """A cursor that says it belongs to `query`."""
    return urlsafe_b64encode(content.replace("PRINT", query.fingerprint).encode()).decode().rstrip("=")


@pytest.mark.parametrize("sort", [None, ("delay",)])
@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        "{}",
        '["PRINT"]',
        '["PRINT",null,5]',
        '["PRINT",null,null]',
        '["PRINT",[3,"text"],"a"]',
        '["PRINT",[3,null],"a"]',
        '["PRINT",[3,true],"a"]',
        '["PRINT",[2,1],"a"]',
        '["PRINT",[4,1],"a"]',
        '["PRINT",[3,Infinity],"a"]',
        '["PRINT",[Infinity,1],"a"]',
        '["PRINT",[3,1e999],"a"]',
        '["PRINT",[3,NaN],"a"]',
        '["PRINT",[-1,0],"a"]',
        '["PRINT",[6,0],"a"]',
        '["PRINT",[3,1,1],"a"]',
        f'["PRINT",[3,{"9" * 5000}],"a"]',
        f'["PRINT",[4,"{"x" * 257}"],"a"]',
        f'["PRINT",[5,{"[" * 2000}{"]" * 2000}],"a"]',
        "[" * 5000,
        f'["PRINT",[3,1],"{"x" * 10_000}"]',
        '["PRINT",[3,1],"\\ud800"]',
    ],
)
def test_a_forged_cursor_is_refused(content: str, sort: tuple[str, ...] | None) -> None:
    query = Query("carriers", "ewr", sort=sort)
    with pytest.raises(QueryError, match="cursor"):
        find_page(_carriers(a=1), Query(**{**query.__dict__, "after": _forged(query, content)}), _WIDE)


@pytest.mark.parametrize("after", ["x", "AAAA", "W10", "bnVsbA", "é", "A" * 100_000])
def test_what_is_no_cursor_is_refused(after: str) -> None:
    with pytest.raises(QueryError, match="cursor"):
        find_page(_carriers(a=1), Query("carriers", "ewr", after=after), _WIDE)


def test_a_cursor_of_one_order_is_none_of_the_other() -> None:
    query = Query("carriers", "ewr")
    for order, is_sorted in ((None, True), ((3, 1), False)):
        with pytest.raises(QueryError, match="cursor"):
            cursors.decode(
                cursors.encode(query.fingerprint, order, "a"), query.fingerprint, is_sorted=is_sorted
            )


def test_the_longest_cursor_is_taken_back() -> None:
    longest = "\x01" * 256
    text = cursors.encode("f" * 16, (4, longest), "\x01" * 511)
    assert cursors.decode(text, "f" * 16, is_sorted=True) == ((4, longest), "\x01" * 511)


def test_long_texts_are_sorted_by_how_they_begin_and_paged_all_the_same() -> None:
    views = _carriers(**{f"c{n:02}": "x" * 1000 + str(99 - n) for n in range(20)})
    query = Query("carriers", "ewr", sort=("delay",), limit=3)
    assert _all(views, query) == [f"c{n:02}" for n in range(20)]


def test_a_view_that_cannot_be_read_hides_no_other() -> None:
    key = ViewKey("ewr", "carriers", "b").encode()
    views = _carriers(a=2, c=1)
    views.add(key, b'{"delay":' + b"9" * 5000 + b"}")
    assert _all(views, Query("carriers", "ewr", where=(Condition.parse("delay>=1"),))) == ["a", "c"]
    assert _all(views, Query("carriers", "ewr", sort=("delay",))) == ["b", "c", "a"]


def test_a_query_ends_after_the_bytes_that_it_may_look_at() -> None:
    views = _carriers(**{f"c{n}": "x" * 90 for n in range(6)})
    bounds = QueryBounds(scan=100, size=1 << 20, read=200)
    query = Query("carriers", "ewr", where=(Condition.parse("delay=y"),))
    first = find_page(views, query, bounds)
    assert (first.scanned, first.views) == (2, [])
    assert _all(views, Query("carriers", "ewr"), bounds) == [f"c{n}" for n in range(6)]
    with pytest.raises(QueryError, match="more than 200 bytes of views"):
        find_page(views, Query("carriers", "ewr", sort=("delay",)), bounds)


def test_a_query_ends_after_the_time_that_it_may_take() -> None:
    views = _carriers(a=1, b=2, c=3)
    bounds = QueryBounds(scan=100, size=1 << 20, seconds=2)

    def each_second() -> Any:
        return count().__next__

    first = find_page(views, Query("carriers", "ewr"), bounds, each_second())
    assert first.scanned < 3
    assert first.next is not None
    with pytest.raises(OverdueError, match="not done after 2 seconds"):
        find_page(views, Query("carriers", "ewr", sort=("delay",)), bounds, each_second())


def test_a_query_with_no_time_at_all_still_comes_to_an_end() -> None:
    views = _carriers(a=1, b=2, c=3)
    assert _all(views, Query("carriers", "ewr"), QueryBounds(scan=1, size=1, read=1, seconds=0)) == [
        "a",
        "b",
        "c",
    ]
