"""The text of the driver, a Starlark module that calls a program's functions for each event of a batch."""

from collections.abc import Sequence

_TEXT = """\
load(%(program)s, "key", "project")

def apply(text, count):
    events = json.decode(text)
    if len(events) != count:
        fail("the events are not", count, "values")%(objects)s
    slots, views = json.decode(lookup(json.encode([key(event) for event in events])))
    for i in range(count):
        slot = slots[i]
        if slot >= 0:
            views[slot] = project(views[slot], events[i])
    text = json.encode(views)
    again = json.decode(text)
    canonical = json.encode(again)
    if again != views or len(canonical) != len(text) or canonical.count("e") != text.count("e"):
        fail("a view must be made of JSON values: no tuple, no integer beyond 64 bits, no infinite number")
    return canonical
"""
# Decoding sorts keys: what is returned has them in that order wherever a batch ended. An integer that
# comes back as a number with an exponent is told by its length or by that.
_OBJECTS = """
    events = [row if type(row) == "dict" else %s for row in events]"""
DECODING = ("events = json.decode(text)", "the events are not")
"""Parts of the messages of errors that are the fault of the events, not of the program."""


def text(program: str, columns: Sequence[Sequence[str]] = ()) -> str:
    """Returns the driver of the program that the interpreter knows as `program`.

    Its events are JSON objects or, with `columns`, rows of their values: each column is the path of names
    that leads to its value.
    """
    rows = [(tuple(path), f"row[{at}]") for at, path in enumerate(columns)]
    return _TEXT % {"program": _quoted(program), "objects": _OBJECTS % _object(rows) if rows else ""}


def _object(columns: Sequence[tuple[tuple[str, ...], str]]) -> str:
    """The expression that makes an object of a row. Its names are sorted, as decoding JSON leaves them."""
    below: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for (name, *rest), value in columns:
        below.setdefault(name, []).append((tuple(rest), value))
    fields = [
        f"{_quoted(name)}: {_object(inner) if inner[0][0] else inner[0][1]}"
        for name, inner in sorted(below.items())
    ]
    return "{" + ", ".join(fields) + "}"


def _quoted(name: str) -> str:
    return (
        '"'
        + "".join(each if each.isalnum() or each in "_. " else f"\\U{ord(each):08x}" for each in name)
        + '"'
    )
