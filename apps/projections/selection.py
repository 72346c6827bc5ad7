"""The part of an event that a program says it reads: what it is handed costs it time, field by field."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from apps.projections.envelope import PoisonError

_Tree = dict[str, "_Tree"]


class Selection:
    """Of each event the `fields`, such as `aggregate_id` or `payload.carrier`; one that an event lacks stays
    absent."""

    def __init__(self, fields: Sequence[str]) -> None:
        tree: _Tree = {}
        for path in fields:
            node = tree
            for name in path.split("."):
                node = node.setdefault(name, {})
        self._decode = msgspec.json.Decoder(_struct(tree)).decode
        self._encode = msgspec.json.Encoder().encode

    def apply(self, data: bytes) -> bytes:
        """Raises PoisonError when a field with others below it is no object, or a number none that can be."""
        try:
            return self._encode(self._decode(data))
        except RecursionError:
            raise PoisonError("decode", "nested too deeply") from None
        except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError) as error:
            raise PoisonError("decode", str(error)) from None


def _struct(tree: Mapping[str, Any]) -> type[msgspec.Struct]:
    """A type with these fields and no others, so that the rest is passed over."""
    names = {f"field_{number}": name for number, name in enumerate(tree)}
    return msgspec.defstruct(
        "Selected",
        [(own, _struct(tree[name]) if tree[name] else Any, msgspec.UNSET) for own, name in names.items()],
        rename=names,
        gc=False,
    )
