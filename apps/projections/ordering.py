"""One order of all JSON values, by type and then by value: the order that queries sort by."""

from typing import Any

SortKey = tuple[int, Any]
MISSING, NOTHING, BOOLEAN, NUMBER, TEXT, COMPOUND = range(6)
"""The ranks of the types of values, in their order."""
LONGEST = 256
"""The number of characters of a text that count: a sort key must fit into a cursor."""


def sort_key(value: Any) -> SortKey:
    """Returns the place of `value` in the order. All lists and objects have the same place."""
    match value:
        case None:
            return (NOTHING, 0)
        case bool():
            return (BOOLEAN, value)
        case int() | float():
            return (NUMBER, value)
        case str():
            return (TEXT, value[:LONGEST])
        case list() | dict():
            return (COMPOUND, 0)
    return (MISSING, 0)


def is_sort_key(rank: int, value: Any) -> bool:
    """Returns whether `sort_key` can have returned this pair, which came with a cursor."""
    match rank:
        case 2:
            return isinstance(value, bool)
        case 3:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case 4:
            return isinstance(value, str) and len(value) <= LONGEST
    return rank in (MISSING, NOTHING, COMPOUND) and value == 0
