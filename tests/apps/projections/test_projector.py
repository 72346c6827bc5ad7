import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.projections.envelope import EventDecoder
from apps.projections.projector import Projector
from apps.projections.sandbox.limits import Limits
from apps.projections.sandbox.process import Sandbox
from apps.projections.subscription import Event
from tests.apps.projections.ledger import PROGRAM, VIEW, event, fold


@pytest.fixture(scope="module")
def projector() -> Iterator[Projector]:
    sandbox = Sandbox(PROGRAM, Limits())
    yield Projector(VIEW, EventDecoder(1), sandbox)
    sandbox.close()


def folded(projector: Projector, batches: Sequence[Sequence[Event]]) -> tuple[dict[bytes, bytes], list[int]]:
    """Views and quarantined sequences after `batches`, one after the other."""
    views: dict[bytes, bytes] = {}
    poisoned: list[int] = []
    for batch in batches:
        result = projector.apply(batch, lambda keys: [views.get(key) for key in keys])
        for key, view in result.views.items():
            if view is None:
                views.pop(key, None)
            else:
                views[key] = view
        poisoned += [each.sequence for each in result.quarantined]
    return views, poisoned


def events(items: Sequence[tuple[str, bytes]]) -> list[Event]:
    return [Event(number, subject, data, b"") for number, (subject, data) in enumerate(items, 1)]


DATA = st.one_of(
    st.builds(
        event, st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from([0, 1, 13, 26, -1, 999999])
    ),
    st.sampled_from([b"", b"\xff", b"{}", b'{"tenant_id": 1}', b"[" * 3000, event("a", "q" * 600, 1)]),
)
ITEMS = st.lists(st.tuples(st.sampled_from(["books.a.1", "books.b.1"]), DATA), max_size=25)


@given(ITEMS, st.lists(st.integers(1, 9), min_size=1, max_size=25))
@settings(max_examples=60)
def test_the_result_does_not_depend_on_where_batches_end(
    projector: Projector, items: list[tuple[str, bytes]], sizes: list[int]
) -> None:
    """Any batches, with any poison among them: equal to the plain fold."""
    all_events = events(items)
    batches, at = [], 0
    for size in sizes * 25:
        batches.append(all_events[at : at + size])
        at += size
    expected = fold([(each.sequence, each.subject, each.data) for each in all_events])
    assert folded(projector, [batch for batch in batches if batch]) == expected
    assert folded(projector, [all_events] if all_events else []) == expected


@pytest.mark.parametrize(
    ("subject", "data", "kind"),
    [
        ("books.a.1", b'{"tenant_id": "a", "x": "\xff"}', "decode"),
        ("books.a.1", b"[" * 100_000, "decode"),
        ("books.a.1", event("a", "x", 1).replace(b": 1}", b": 1e400}"), "decode"),
        ("books.a.1", event("b", "x", 1), "forged"),
        ("books", event("a", "x", 1), "forged"),
        ("books.a.1", event("a", "", 1), "key"),
        ("books.a.1", event("a", "x\x00y", 1), "key"),
        ("books.a.1", event("a", "x", -1), "program"),
        ("books.a.1", event("a", "x" * (1 << 20), 1), "size"),
        ("books.a.1", event("a", "x", 1, timestamp="yesterday"), "decode"),
    ],
)
def test_poison_is_set_aside_with_its_reason_and_the_rest_goes_on(
    projector: Projector, subject: str, data: bytes, kind: str
) -> None:
    good = ("books.a.1", event("a", "x", 1))
    result = projector.apply(events([good, (subject, data), good]), lambda keys: [None] * len(keys))
    assert [(each.sequence, each.kind, each.data) for each in result.quarantined] == [(2, kind, data)]
    assert result.quarantined[0].reason
    assert result.views[b"view:a:ledger:x"] == b'{"events":2,"hash":6759}'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (event("a", "\ud800", 1), "half of a surrogate pair, which is no character"),
        (event("a", "x", 1, correlation_id="\udfff"), "half of a surrogate pair, which is no character"),
        (event("a", "x", 1)[:-3], "Input data was truncated"),
        (event("a", "x", 10**20 + 1), r"an integer beyond 64 bits: 100000000000000000001 \(21 digits\)"),
    ],
)
def test_the_reason_is_what_is_wrong(projector: Projector, data: bytes, reason: str) -> None:
    good = event("a", "x", 1)
    result = projector.apply(
        events([("books.a.1", each) for each in (good, data, good)]), lambda k: [None] * len(k)
    )
    (held,) = result.quarantined
    assert re.search(reason, held.reason)
    assert result.views[b"view:a:ledger:x"] == b'{"events":2,"hash":6759}'


@pytest.mark.parametrize("account", ["a:b", "a%3Ab", "view:b:ledger:x", "../x", "é*>"])
def test_separators_in_a_name_lead_to_a_view_of_its_own(projector: Projector, account: str) -> None:
    result = projector.apply(
        events([("books.a.1", event("a", account, 1)), ("books.a.1", event("a", "x", 1))]),
        lambda keys: [None] * len(keys),
    )
    assert len(result.views) == 2
    assert all(key.startswith(b"view:a:ledger:") for key in result.views)


def test_unknown_fields_reach_the_program() -> None:
    sandbox = Sandbox(
        "def key(e):\n    return 'k'\ndef project(view, e):\n    return {'kept': e['later']}\n", Limits()
    )
    try:
        projector = Projector(VIEW, EventDecoder(None), sandbox)
        result = projector.apply(
            events([("books", event("a", "x", 1, later={"added": [1]}))]), lambda keys: [None] * len(keys)
        )
    finally:
        sandbox.close()
    assert list(result.views.values()) == [b'{"kept":{"added":[1]}}']
