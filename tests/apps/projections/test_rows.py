"""A program that says what it reads is handed rows: it sees what it would see of the whole event."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.projections.envelope import EventDecoder, PoisonError
from apps.projections.field_selection import FieldSelection
from apps.projections.projector import Projector
from apps.projections.sandbox.limits import Limits
from apps.projections.sandbox.process import Sandbox
from apps.projections.subscription import Event
from tests.apps.projections.ledger import event

KEEPS = """\
def key(event):
    return "k"

def project(view, event):
    return {"seen": (view or {"seen": []})["seen"] + [event]}
"""
NAMES = ["note", "it's", "{%s}", "é 🛫", "class", "payload"]
VALUES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-10, 10) | st.text(max_size=5)
INNER = st.dictionaries(st.sampled_from(NAMES), VALUES | st.lists(VALUES, max_size=2), max_size=4)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(KEEPS, Limits())
    yield sandbox
    sandbox.close()


def lookup(keys: list[str | None]) -> tuple[list[int], list[bytes | None]]:
    return [0] * len(keys), [None]


@given(
    st.lists(st.tuples(INNER, INNER), min_size=1, max_size=4),
    st.sets(st.sampled_from(["tenant_id", "timestamp", "correlation_id", *NAMES[:5]]), max_size=3),
    st.sets(st.sampled_from(NAMES), min_size=1, max_size=3),
)
@settings(max_examples=80, deadline=None)
def test_rows_are_the_same_to_a_program_as_objects(
    sandbox: Sandbox, parts: list[tuple[dict[str, object], dict[str, object]]], top: set[str], below: set[str]
) -> None:
    """Whatever an event lacks, and whatever its fields are called."""
    selection = FieldSelection([*top, *(f"payload.{name}" for name in below)])
    decoder = EventDecoder(None, selection.envelope)
    sent = [event("a", "x", 1, **{**more, "payload": payload}) for more, payload in parts]
    rows = [selection.row(decoder.decode("", data), data) for data in sent]
    objects = [selection.apply(data) for data in sent]
    assert sandbox.apply(rows, lookup, selection.columns) == sandbox.apply(objects, lookup)


@pytest.mark.parametrize("fields", [["timestamp"], ["payload.value"], ["note", "tenant_id"], ["payload"]])
@pytest.mark.parametrize(
    ("data", "subject", "kind"),
    [
        (event("a", "x", 1, timestamp="yesterday"), "books.a", "decode"),
        (event("a", "x", 1, correlation_id=5), "books.a", "decode"),
        (event("a", "x", 1, event_type=None), "books.a", "decode"),
        (event("a", "x", 1), "books.b", "forged"),
        (b"[" * 100_000, "books.a", "decode"),
    ],
    ids=["timestamp", "correlation id", "type", "forged", "deep nesting"],
)
def test_an_envelope_is_held_to_the_same_whatever_is_selected(
    fields: list[str], data: bytes, subject: str, kind: str
) -> None:
    with pytest.raises(PoisonError) as refused:
        EventDecoder(1, FieldSelection(fields).envelope).decode(subject, data)
    assert refused.value.kind == kind


def test_events_of_one_batch_may_lack_fields_and_be_poison(sandbox: Sandbox) -> None:
    projector = Projector(
        "seen", EventDecoder(None), sandbox, FieldSelection(["payload.a", "payload.b.c", "note"])
    )
    payloads = [{"a": 1, "b": {"c": 2}}, {"a": 1}, {"b": {}}, {"b": 5}, {"a": 2, "b": {"c": None}}]
    events = [
        Event(number, "", event("a", "x", 1, payload=payload, note="n"), b"")
        for number, payload in enumerate(payloads, 1)
    ]
    folded = projector.apply(events, lambda keys: [None] * len(keys))
    assert [(each.sequence, each.kind) for each in folded.quarantined] == [(4, "decode")]
    assert json.loads(folded.views[b"view:a:seen:k"] or b"") == {
        "seen": [{"note": "n", "payload": payload} for payload in payloads if payload != {"b": 5}]
    }
