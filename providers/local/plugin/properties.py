"""Conversions between the engine's structs and plain values, unknowns and per-property differences."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import struct_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine sends in a preview for a string that is not known yet (part of its protocol)."""

Properties = dict[str, Any]


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """A struct as a dict; a number without fraction is an int again (a struct knows floats only)."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return from_struct(value.struct_value)
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    return None


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(dict(properties))
    return struct


def has_unknown(value: Any) -> bool:
    """Whether `value` is, or holds somewhere, something that a preview does not know yet."""
    if isinstance(value, str):
        return value == UNKNOWN
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return False


def differences(old: Mapping[str, Any], new: Mapping[str, Any], ignore: Iterable[str] = ()) -> dict[str, str]:
    """Property path to "add", "delete" or "update", one level into objects (`env.PORT`,
    `files["etc/config.properties"]`). A missing property equals null."""
    ignored = set(ignore)
    found: dict[str, str] = {}
    for key in sorted({*old, *new} - ignored):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        path = key if key.isidentifier() else f"[{json.dumps(key)}]"
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            for inner, kind in differences(before, after).items():
                found[f"{path}{inner}" if inner.startswith("[") else f"{path}.{inner}"] = kind
        else:
            found[path] = "add" if before is None else "delete" if after is None else "update"
    return found
