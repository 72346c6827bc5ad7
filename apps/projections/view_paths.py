"""The grammar of paths into views, one for `where` and for `sort`.

Names with dots between, such as `delay.mean`. A name with a space, a dot, a quotation mark or a sign of
comparison in it, one that begins with `-`, and an empty one, is written as a JSON string: `"due.date"`.
"""

import json
import re
from typing import Any

from apps.projections.errors import QueryError

_NAME = r'(?:"(?:[^"\\]|\\.)*"|[^\s."=!<>^-][^\s."=!<>^]*)'
PATH = rf"{_NAME}(?:\.{_NAME})*"
"""A regular expression."""
MISSING: Any = object()
"""What is where a path does not lead."""
Path = tuple[str, ...]

_NAMES = re.compile(_NAME, re.DOTALL)
_PATH = re.compile(PATH, re.DOTALL)


def parse(text: str) -> Path:
    """The names of a path. Raises QueryError."""
    if _PATH.fullmatch(text) is None:
        raise QueryError(
            f"{text[:80]!r} is not a path: names with dots between, such as delay.mean; one with other signs "
            'in it is written as a JSON string, such as "due.date"'
        )
    return tuple(_unquoted(name) for name in _NAMES.findall(text))


def value_at(view: Any, path: Path) -> Any:
    """The value at `path` in `view`, or MISSING."""
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
