"""The conditions of `where`: a path into a view, an operator and a value."""

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
"""The largest number of characters of a condition."""
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
    """One condition. `text` is what the client sent.

    A view that has no value at `path`, or one of another type than `value`, meets the condition only if
    `operator` is `!=`.
    """

    text: str
    path: view_paths.Path
    operator: str
    value: Any

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Returns the condition that `text` asks for, such as `delays.mean>=10`; its value is JSON or plain
        text.

        Raises QueryError, with how to write it.
        """
        if len(text) > LONGEST:
            raise QueryError(f"where: a condition has {len(text)} characters; {LONGEST} are allowed")
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise QueryError(
                f"where: {text[:80]!r} is not PATH OPERATOR VALUE, without spaces: delay.mean>=10. "
                f"Operators: {' '.join(_OPERATORS)}. A name with other signs in it is a JSON string"
            )
        path, sign, wanted = found.groups()
        value = wanted if sign == "^=" else _json_or_text(wanted)
        if sign in ("<", "<=", ">", ">=") and sort_key(value)[0] in (NOTHING, COMPOUND):
            raise QueryError(f"where: {wanted[:80]} has no order: compare it with = or !=")
        return cls(text, view_paths.parse(path), sign, value)

    def matches(self, view: Any) -> bool:
        """Returns whether the decoded `view` meets the condition."""
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
