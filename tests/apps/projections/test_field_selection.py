import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.projections.envelope import PoisonError
from apps.projections.field_selection import FieldSelection

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "class", "é:"]), VALUES), st.sets(st.sampled_from("abc")))
def test_what_is_selected_is_what_was_sent(event: dict[str, object], names: set[str]) -> None:
    selected = msgspec.json.decode(FieldSelection(sorted(names)).apply(json.dumps(event).encode()))
    assert selected == {name: value for name, value in event.items() if name in names}


def test_a_path_leads_below_and_leaves_its_neighbours() -> None:
    data = b'{"payload": {"a": {"x": 1, "y": 2}, "b": 3}, "id": "i", "other": 1e400}'
    selection = FieldSelection(["payload.a.x", "payload.c", "id"])
    assert msgspec.json.decode(selection.apply(data)) == {"payload": {"a": {"x": 1}}, "id": "i"}


@pytest.mark.parametrize(
    "data", [b'{"payload": 1}', b'{"payload": {"a": 1e400}}', b'{"payload": {"a": "\xff"}}']
)
def test_what_cannot_be_selected_from_is_poison(data: bytes) -> None:
    with pytest.raises(PoisonError):
        FieldSelection(["payload.a"]).apply(data)


def test_a_lone_surrogate_is_called_one() -> None:
    with pytest.raises(PoisonError, match="half of a surrogate pair"):
        FieldSelection(["payload.a"]).apply(b'{"payload": {"a": "\\ud800"}}')
