"""What `where` asks of a view: `path operator value`."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from apps.projections import view_paths
from apps.projections.errors import QueryError
from apps.projections.ordering import COMPOUND, NOTHING, sort_key

LONGEST = 1000
"""Characters of a condition."""
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "^=": lambda value, start: isinstance(value, str) and value.startswith(start),
}
_CONDITION = re.compile(rf"({view_paths.PATH})(\^=|!=|<=|>=|=|<|>)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """A view without `path`, or with a value of another type, meets `!=` alone. `text` is what was asked."""

    text: str
    path: view_paths.Path
    operator: str
    value: Any

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """`delays.mean>=10`; the value is JSON, or text. Raises QueryError."""
        if len(text) > LONGEST:
            raise QueryError(f"where: a condition of {len(text)} characters: {LONGEST} are allowed")
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise QueryError(
                f"where: {text[:80]!r} is not PATH OPERATOR VALUE, without spaces: delay.mean>=10. "
                f"Operators: {' '.join(_OPERATORS)}. A name with other signs in it is a JSON string"
            )
        path, sign, given = found.groups()
        value = given if sign == "^=" else _json_or_text(given)
        if sign in ("<", "<=", ">", ">=") and sort_key(value)[0] in (NOTHING, COMPOUND):
            raise QueryError(f"where: {given[:80]} has no order: compare it by = or !=")
        return cls(text, view_paths.parse(path), sign, value)

    def matches(self, view: Any) -> bool:
        value = view_paths.value_at(view, self.path)
        if sort_key(value)[0] != sort_key(self.value)[0]:
            return self.operator == "!="
        try:
            return _OPERATORS[self.operator](value, self.value)
        except RecursionError:  # Both are nested as deeply as can be read, and no deeper can be compared.
            return self.operator == "!="


def _json_or_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return text
