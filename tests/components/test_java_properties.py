"""What stands in a `.properties` file is read back by Java as it was given."""

import re
from collections.abc import Mapping

import pytest

from components.java_properties import text

_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|.)", re.DOTALL)
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def _loaded(file: str) -> Mapping[str, str]:
    """As java.util.Properties.load reads it, of keys that are plain words."""
    found = {}
    for line in file.splitlines():
        key, _, value = line.partition("=")
        units = _ESCAPE.sub(_unescaped, value.lstrip(" \t\f"))
        found[key] = units.encode("utf-16", "surrogatepass").decode("utf-16")
    return found


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _NAMED.get(escape, escape)


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "jdbc:mysql://db:3306?a=b&c=d#e",
        "two\nlines",
        "password\r\nconnector.name=other",
        "C:\\data\\new",
        "ends with \\",
        "  leading and trailing  ",
        "\ttab",
        "#no comment",
        "!no comment",
        "größer",
        "\U0001f600",
        "\u2028\x0b\x85",
        "${ENV:PASSWORD}",
        "",
    ],
)
def test_a_value_is_one_line_and_comes_back_whole(value: str) -> None:
    file = text({"a.b-c_d": value, "z": "last"})
    assert file.isascii()
    assert file.count("\n") == 2
    assert _loaded(file) == {"a.b-c_d": value, "z": "last"}
