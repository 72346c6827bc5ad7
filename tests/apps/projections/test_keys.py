import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.projections.errors import KeyFormatError
from apps.projections.keys import LONGEST, CheckpointKey, ViewKey, tenant_prefix

NAMES = st.text(
    st.one_of(st.sampled_from(":%3A25"), st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    max_size=12,
)
IDS = NAMES.filter(bool)


def test_keys_are_written_as_specified() -> None:
    assert ViewKey("acme", "orders", "42").encode() == b"view:acme:orders:42"
    assert ViewKey("", "orders", "42").encode() == b"view::orders:42"
    assert CheckpointKey("acme", "orders").encode() == b"checkpoint:acme:orders"


@given(NAMES, NAMES, IDS)
def test_a_key_is_read_as_it_was_composed(tenant: str, view_type: str, view_id: str) -> None:
    key = ViewKey(tenant, view_type, view_id)
    assert ViewKey.decode(key.encode()) == key
    checkpoint = CheckpointKey(tenant, view_type)
    assert CheckpointKey.decode(checkpoint.encode()) == checkpoint


@given(st.tuples(NAMES, NAMES, IDS), st.tuples(NAMES, NAMES, IDS))
def test_different_names_have_different_keys(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assume(one != other)
    assert ViewKey(*one).encode() != ViewKey(*other).encode()


@given(st.tuples(NAMES, NAMES, IDS), NAMES, NAMES)
def test_a_tenants_prefix_matches_its_own_views_alone(
    key: tuple[str, str, str], tenant: str, view_type: str
) -> None:
    matches = ViewKey(*key).encode().startswith(tenant_prefix(tenant, view_type))
    assert matches == (key[:2] == (tenant, view_type))


@given(st.binary(max_size=40))
def test_bytes_that_are_no_key_are_refused_or_read_back_exactly(data: bytes) -> None:
    try:
        key = ViewKey.decode(data)
    except KeyFormatError:
        return
    assert key.encode() == data


@pytest.mark.parametrize("view_id", ["", "x" * LONGEST, "a\x00b", "\ud800"])
def test_a_name_that_cannot_be_a_key_is_refused(view_id: str) -> None:
    with pytest.raises(KeyFormatError):
        ViewKey("acme", "orders", view_id).encode()
