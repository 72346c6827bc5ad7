"""Explains errors in the settings: where the setting is and what is allowed, without values that may be
secret."""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel

from infra.stack_file import StackFile

Key = tuple[str | int, ...]

_FREE = (
    ("external",),
    ("trino", "catalogs"),
    ("keycloak", "redirect_uris"),
    ("kubernetes", "load_balancer", "annotations"),
)
"""The keys below which a file has texts of the user's own, passwords among them."""
_SECRET = re.compile(r"pass|secret|token|credential|key|auth", re.IGNORECASE)
_ADDRESS = re.compile(r"@|://")
"""Matches a text that may be an address with a login."""
_SCALARS = {bool: "true or false", int: "a number", float: "a number"}


def explain(detail: Mapping[str, Any], stack_file: StackFile, model: type[BaseModel]) -> str:
    """Returns one of pydantic's errors as a line for the author of the stack file. The error's `loc` is
    a path through `model`."""
    key: Key = tuple(detail["loc"]) + tuple(detail.get("ctx", {}).get("key", ()))
    key = tuple(part for part in key if part != "[key]")
    return f"{stack_file.where(key)}: {_message(detail, key, model)}"


def _message(detail: Mapping[str, Any], key: Key, model: type[BaseModel]) -> str:
    kind, given = detail["type"], detail["input"]
    message = str(detail["msg"]).removeprefix("Value error, ")
    if isinstance(given, str) and _ADDRESS.search(given):
        message = message.replace(repr(given), "this").replace(given, "this")
    if kind == "extra_forbidden":
        known = _fields(key[:-1], model)
        close = get_close_matches(str(key[-1]), known, n=1)
        return (
            f"unknown key; did you mean {close[0]}?" if close else f"unknown key; known: {', '.join(known)}"
        )
    if kind == "json_invalid" and "hex escape" in message:
        return "half a surrogate pair is no text: write the character itself"
    if kind == "json_invalid" or (kind == "model_type" and not key):
        return "must be a mapping of settings: start from stacks/Pulumi.local.template.yaml"
    if kind == "string_type":
        return _no_text(key, given)
    if kind in ("model_type", "dict_type", "list_type"):
        return f"{message}, got {type(given).__name__}"
    if kind.endswith("_type") or kind.startswith("literal"):
        return f"{message}, got {_shown(key, given)}"
    if kind == "string_pattern_mismatch":
        shown = _shown(key, given)
        return f"{shown} is not a valid name ({detail['ctx']['pattern']})"
    return message


def _no_text(key: Key, given: object) -> str:
    """Returns the message for a value that must be a text and is something else."""
    name = next((part for part in reversed(key) if isinstance(part, str)), "")
    if type(given) in _SCALARS:
        return (
            f'must be a text, got {_SCALARS[type(given)]}: put it in quotes ({name}: "…"); '
            "`pulumi config set` writes a text with --type string"
        )
    if isinstance(given, dict) and len(key) > 1:
        return (
            "must be a text, got a mapping: a name with dots is one key, in quotes in a path "
            f"(pulumi config set --path '…[\"{name}.…\"]')"
        )
    return f"must be a text, got {_shown(key, given)}"


def _shown(key: Key, given: object) -> str:
    """Returns the input, or only its type if it may hold a secret."""
    free = any(key[: len(place)] == place for place in _FREE)
    hidden = (
        free
        or isinstance(given, dict | list)
        or (isinstance(given, str) and _ADDRESS.search(given))
        or any(_SECRET.search(str(part)) for part in key[-1:])
    )
    return type(given).__name__ if hidden else json.dumps(given)


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Returns the model's schema. It is made once, since that takes 50 ms and a file may have thousands
    of unknown keys."""
    return model.model_json_schema()


def _fields(key: Key, model: type[BaseModel]) -> list[str]:
    """Returns the field names of the model at the path `key`."""
    schema = _schema(model)
    node: dict[str, Any] = schema
    for part in key:
        if isinstance(part, int):
            node = node.get("items", {})
        else:
            others = node.get("additionalProperties")
            others = others if isinstance(others, dict) else {}
            node = node.get("properties", {}).get(part, others)
        for choice in (node, *node.get("anyOf", ())):
            if reference := choice.get("$ref"):
                node = schema["$defs"][re.sub(r"^#/\$defs/", "", reference)]
    return sorted(node.get("properties", {}))
