"""Reads what the rules need to know of a stack, from the engine's configuration and the stack file."""

import json
import pathlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml

from policy.pack.facts.names import is_reference, names_a_secret
from policy.pack.facts.secrets import has_secret
from policy.pack.facts.trino import is_secret
from policy.pack.model import Budget, Path, Stack

KEY = "nebula:platform"
_CATALOGS = (KEY, "trino", "catalogs")


def stack_of(config: Mapping[str, str], secret: Collection[str], file: pathlib.Path | None) -> Stack:
    """Returns the stack that `config` describes (decrypted values, and the keys that hold a secret).

    Without the stack file, nobody can tell which part of a secret value was written in clear.
    """
    platform = _object(config.get(KEY))
    cloud = str(platform.get("cloud", "local"))
    policy = _mapping(platform.get("policy"))
    own_region = _mapping(platform.get(cloud)).get("region")
    regions = policy.get("regions") or ([own_region] if own_region else [])
    in_file = _config_of(file)
    clear: Mapping[str, Any] = in_file or {
        key: _object(value) or value for key, value in config.items() if key not in secret
    }
    return Stack(
        cloud=cloud,
        size=str(platform.get("size", "laptop")) if platform else "production",
        exposed=frozenset(str(name) for name in _mapping(platform.get("expose"))),
        regions=frozenset(str(region).lower() for region in regions),
        budget=_budget(_mapping(policy.get("budget"))),
        ends=bool(platform.get("ttl")),
        plain_secrets=tuple(_plain_secrets(clear, ())),
    )


def stack_file(project: pathlib.Path, stack: str) -> pathlib.Path | None:
    """Returns the path of the stack's file, in the project that `project` is in or below."""
    for folder in (project, *project.parents):
        declared = folder / "Pulumi.yaml"
        if declared.is_file():
            settings = yaml.safe_load(declared.read_text()) or {}
            found: pathlib.Path = folder / str(settings.get("stackConfigDir", "")) / f"Pulumi.{stack}.yaml"
            return found if found.is_file() else None
    return None


def _config_of(file: pathlib.Path | None) -> Mapping[str, Any]:
    return {} if file is None else _mapping(_mapping(yaml.safe_load(file.read_text())).get("config"))


def _plain_secrets(node: Any, path: Path) -> Iterator[str]:
    """Returns the paths of values that look like secrets, by key or value, and are not encrypted."""
    if isinstance(node, Mapping):
        if set(node) == {"secure"}:
            return
        for key, value in node.items():
            yield from _plain_secrets(value, (*path, str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _plain_secrets(value, (*path, index))
    elif _is_plain_secret(node, path):
        yield path_for_pulumi(path)


def path_for_pulumi(path: Path) -> str:
    """Returns `path` in the form of `pulumi config set --path`: a key with a dot stands in brackets."""
    first, *others = path
    text = str(first)
    for key in others:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{key}" if _BARE.fullmatch(key) else f"[{json.dumps(key)}]"
    return text


_BARE = re.compile(r"[A-Za-z_][\w-]*")


def _is_plain_secret(value: Any, path: Path) -> bool:
    # A password of digits is a number in YAML.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    name = next((key for key in reversed(path) if isinstance(key, str)), "").rpartition(":")[2]
    of_a_catalog = path[: len(_CATALOGS)] == _CATALOGS
    named = is_secret(name) if of_a_catalog else names_a_secret(name)
    text = str(value)
    return (named and not is_reference(text)) or has_secret(text)


def _budget(given: Mapping[str, Any]) -> Budget | None:
    if not given:
        return None
    instances, types = given.get("instances"), given.get("types")
    return Budget(
        instances if isinstance(instances, int) else 0,
        tuple(str(each) for each in types) if isinstance(types, list) else (),
    )


def _object(text: Any) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text))
    except (TypeError, ValueError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
