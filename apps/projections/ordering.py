"""One order of all JSON values: by type, then by value."""

from typing import Any

SortKey = tuple[int, Any]
MISSING, NOTHING, BOOLEAN, NUMBER, TEXT, COMPOUND = range(6)
"""The types, in their order."""
LONGEST = 256
"""Characters of a text that are looked at: a place in the order must fit into a cursor."""


def sort_key(value: Any) -> SortKey:
    """Where `value` stands. Of a list or an object nothing is looked at but that it is one."""
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
    """Whether `order` could have said so."""
    match rank:
        case 2:
            return isinstance(value, bool)
        case 3:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case 4:
            return isinstance(value, str) and len(value) <= LONGEST
    return rank in (MISSING, NOTHING, COMPOUND) and value == 0
