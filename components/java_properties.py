"""Java's `.properties` files (java.util.Properties.load): each value is one line, read as it was given."""

from collections.abc import Mapping

_NAMED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}


def text(properties: Mapping[str, str]) -> str:
    """A file of `properties`, by key. Keys are words of letters, digits, `.`, `-` and `_`."""
    return "".join(f"{key}={escaped(value)}\n" for key, value in sorted(properties.items()))


def escaped(value: str) -> str:
    """`value` as it stands in such a file: a line break in it would begin another property, a backslash would
    be dropped, and what is not ASCII is read as Latin-1 by some and as UTF-8 by others."""
    written = "".join(_character(character) for character in value)
    return f"\\{written}" if written.startswith(" ") else written


def _character(character: str) -> str:
    if " " <= character <= "~" and character != "\\":
        return character
    if character in _NAMED:
        return _NAMED[character]
    units = character.encode("utf-16-be")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04x}" for at in range(0, len(units), 2))
