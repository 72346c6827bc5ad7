"""Converts protobuf structs to plain values and back, detects unknown values, and compares properties."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import struct_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine sends this in a preview for a string that is not known yet (part of Pulumi's protocol)."""

Properties = dict[str, Any]


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Return a struct as a dict. A number without a fraction becomes an int, because a struct has only
    floats."""
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
    """Return plain values as a protobuf struct."""
    struct = struct_pb2.Struct()
    struct.update(dict(properties))
    return struct


def has_unknown(value: Any) -> bool:
    """Return whether `value` is unknown, or a mapping or list with an unknown value anywhere inside."""
    if isinstance(value, str):
        return value == UNKNOWN
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return False


def differences(old: Mapping[str, Any], new: Mapping[str, Any], ignore: Iterable[str] = ()) -> dict[str, str]:
    """Compare two sets of properties, except for the keys in `ignore`.

    Returns the path of each property that differs, with "add", "delete" or "update". Paths go into objects:
    `env.PORT`, `files["etc/config.properties"]`. A missing property equals null.
    """
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
