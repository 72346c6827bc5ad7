"""Paths into views, which `where` and `sort` write alike.

Names with dots between, such as `delay.mean`. A name with a space, a dot, a quotation mark or a sign of
comparison in it, one that begins with `-`, and an empty one, is written as a JSON string: `"due.date"`.
"""

import json
import re
from typing import Any

from apps.projections.errors import QueryError

_NAME = r'(?:"(?:[^"\\]|\\.)*"|[^\s."=!<>^-][^\s."=!<>^]*)'
PATH = rf"{_NAME}(?:\.{_NAME})*"
"""A regular expression that matches a path."""
MISSING: Any = object()
"""The value at a path that does not lead anywhere in a view."""
Path = tuple[str, ...]

_NAMES = re.compile(_NAME, re.DOTALL)
_PATH = re.compile(PATH, re.DOTALL)


def parse(text: str) -> Path:
    """Returns the names of the path that `text` writes. Raises QueryError, with how to write one."""
    if _PATH.fullmatch(text) is None:
        raise QueryError(
            f"{text[:80]!r} is not a path: write names with dots between, such as delay.mean, and a name "
            'with other signs in it as a JSON string, such as "due.date"'
        )
    return tuple(_unquoted(name) for name in _NAMES.findall(text))


def value_at(view: Any, path: Path) -> Any:
    """Returns the value at `path` in the decoded `view`, or MISSING."""
    value = view
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def _unquoted(name: str) -> str:
    if not name.startswith('"'):
        return name
    try:
        return str(json.loads(name))
    except ValueError as error:
        raise QueryError(f"{name[:80]} is not a JSON string: {error}") from None
