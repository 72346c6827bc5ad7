import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.projections.integers import beyond_64_bits

_MOST, _LEAST = (1 << 64) - 1, -(1 << 63)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**30), 10**30)
    | st.sampled_from([_MOST, _MOST + 1, _LEAST, _LEAST - 1, 10**18, 10**19, 10**400])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('0123456789"\\-,:e. ', max_size=40)
    | st.sampled_from(["1" * 25, f'"{"1" * 25}', f"a:{'1' * 25},", "\\" + "1" * 25]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('01"x', max_size=25), inner, max_size=4)
    ),
    max_leaves=12,
)


def _beyond(value: object) -> bool:
    """The same, of the value."""
    match value:
        case bool():
            return False
        case int():
            return not _LEAST <= value <= _MOST
        case list():
            return any(map(_beyond, value))
        case dict():
            return any(map(_beyond, value.values()))
    return False


@given(_VALUES, st.sampled_from([None, 1]), st.booleans())
def test_an_integer_is_found_wherever_it_stands_and_nothing_else_is(
    value: object, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert bool(beyond_64_bits(text)) == _beyond(value)


@pytest.mark.parametrize(
    "text",
    [
        b"0.1234567890123456789012345",
        b"-1234567890123456789012345.5",
        b"1234567890123456789012345e2",
        b"1e0000000000000000000000001",
        b"1e-0000000000000000000000001",
        b"[18446744073709551615,-9223372036854775808]",
        b'{"1234567890123456789012345":1}',
        b'"a \\" 1234567890123456789012345"',
        b'["1234567890123456789012345","x 1234567890123456789012345"]',
    ],
)
def test_what_only_looks_like_one_is_none(text: bytes) -> None:
    assert beyond_64_bits(text) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"18446744073709551616", "18446744073709551616 (20 digits)"),
        (b"[-9223372036854775809]", "-9223372036854775809 (19 digits)"),
        (b'{"a": 5, "b":' + b"9" * 5000 + b"}", f"{'9' * 30}… (5000 digits)"),
        (b'["1234567890123456789012345",1234567890123456789012345]', "1234567890123456789012345 (25 digits)"),
    ],
)
def test_it_is_said_how_it_begins_and_how_long_it_is(text: bytes, said: str) -> None:
    assert beyond_64_bits(text) == said
