"""The part of an event that a program reads. Only that is handed to it, since each field costs it time."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, cast

import msgspec

from apps.projections.envelope import Envelope, PoisonError, reason_of

_Tree = dict[str, "_Tree"]
_AS_SENT = frozenset({"tenant_id", "aggregate_id", "aggregate_type", "event_type"})
"""The fields that an envelope holds exactly as they were sent."""


class FieldSelection:
    """Selects `fields` of events, such as `aggregate_id` or `payload.carrier`.

    The selected fields become a row of values in the order of `columns`, which are paths of names: the
    program's interpreter reads a row in a third of the time of an object. A field that an event lacks is
    absent for the program, too. `envelope` is the type to decode an event as, so that it is decoded only
    once.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        tree: _Tree = {}
        for path in fields:
            node = tree
            for name in path.split("."):
                node = node.setdefault(name, {})
        self.columns = tuple(_leaves(tree))
        selected, whole = _struct(tree), _envelope(tree)
        self.envelope: type[Envelope] = whole or Envelope
        self._once = whole is not None
        self._values = _getter(
            [_attributes(self.envelope if whole else selected, path) for path in self.columns]
        )
        self._decode = msgspec.json.Decoder(selected).decode
        self._encode = msgspec.json.Encoder().encode

    def row(self, envelope: Envelope, data: bytes) -> bytes:
        """Returns the selected values of an event as a JSON list, or as a JSON object if it lacks one of
        them.

        `envelope` is the decoded event, `data` its bytes. Raises PoisonError if a field that should have
        fields below it is no object, or if a number cannot be represented.
        """
        try:
            return self._encode(self._values(envelope if self._once else self._decode(data)))
        except (AttributeError, TypeError):
            # A value that is not set has no fields, and no encoding.
            return self.apply(data)
        except (RecursionError, msgspec.MsgspecError, UnicodeDecodeError, OverflowError) as error:
            raise _poison(data, error) from None

    def apply(self, data: bytes) -> bytes:
        """Returns those selected fields that the event in `data` has, as a JSON object. Raises
        PoisonError."""
        try:
            return self._encode(self._decode(data))
        except (RecursionError, msgspec.MsgspecError, UnicodeDecodeError, OverflowError) as error:
            raise _poison(data, error) from None


def _poison(data: bytes, error: Exception) -> PoisonError:
    deep = isinstance(error, RecursionError)
    return PoisonError("decode", "the event is nested too deeply" if deep else reason_of(data, str(error)))


def _leaves(tree: Mapping[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths to the leaves of `tree`, sorted by the names at each level."""
    paths: list[tuple[str, ...]] = []
    for name in sorted(tree):
        path = (*above, name)
        paths += _leaves(tree[name], path) if tree[name] else [path]
    return paths


def _struct(tree: Mapping[str, Any]) -> type[msgspec.Struct]:
    """A type with the fields of `tree` and no others: a decoder passes over the rest."""
    names = {f"field_{number}": name for number, name in enumerate(tree)}
    return msgspec.defstruct(
        "Selected",
        [(own, _struct(tree[name]) if tree[name] else Any, msgspec.UNSET) for own, name in names.items()],
        rename=names,
        gc=False,
    )


def _envelope(tree: Mapping[str, Any]) -> type[Envelope] | None:
    """A type of envelope that has the fields of `tree` too.

    None if a field of the envelope itself is among them that would then not be checked, or not be as it was
    sent.
    """
    own = {field.encode_name for field in msgspec.structs.fields(Envelope)}
    if any(name in own and (tree[name] or name not in _AS_SENT) for name in tree if name != "payload"):
        return None
    names = {f"field_{number}": name for number, name in enumerate(sorted(tree.keys() - own))}
    fields: list[Any] = [
        (each, _struct(tree[name]) if tree[name] else Any, msgspec.UNSET) for each, name in names.items()
    ]
    if "payload" in tree:
        fields.append(("payload", _struct(tree["payload"]) if tree["payload"] else Any))
    kind = msgspec.defstruct(
        "SelectedEnvelope", fields, bases=(Envelope,), rename=names, kw_only=True, frozen=True, gc=False
    )
    return cast("type[Envelope]", kind)


def _attributes(kind: type[msgspec.Struct], path: tuple[str, ...]) -> str:
    """The attribute of `kind` that `path` leads to, as attrgetter takes it: names with dots between."""
    name, *below = path
    field = next(each for each in msgspec.structs.fields(kind) if each.encode_name == name)
    return ".".join([field.name, *([_attributes(field.type, tuple(below))] if below else [])])


def _getter(paths: Sequence[str]) -> Callable[[object], tuple[Any, ...]]:
    if len(paths) > 1:
        return attrgetter(*paths)
    values = [attrgetter(path) for path in paths]
    return lambda selected: tuple(value(selected) for value in values)
