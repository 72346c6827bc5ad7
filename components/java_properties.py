"""Writes Java's `.properties` files, so that java.util.Properties.load reads each value unchanged."""

from collections.abc import Mapping

_NAMED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}


def text(properties: Mapping[str, str]) -> str:
    """Returns a file with `properties`, one line each. Keys consist of letters, digits, `.`, `-` and `_`."""
    return "".join(f"{key}={escaped(value)}\n" for key, value in sorted(properties.items()))


def escaped(value: str) -> str:
    """Returns `value` escaped for such a file. Unescaped, a line break would begin another property, a
    backslash would be dropped, and readers differ over characters beyond ASCII."""
    written = "".join(_character(character) for character in value)
    return f"\\{written}" if written.startswith(" ") else written


def _character(character: str) -> str:
    if " " <= character <= "~" and character != "\\":
        return character
    if character in _NAMED:
        return _NAMED[character]
    units = character.encode("utf-16-be")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04x}" for at in range(0, len(units), 2))
