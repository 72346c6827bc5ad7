"""What the pack learns of a stack: from the configuration that the engine hands it, and its file."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from policy.pack.model import Budget, Stack

KEY = "nebula:platform"
_SECRET_WORDS = frozenset({"password", "passwd", "passphrase", "token", "credential", "credentials"})
_SECRET_KEYS = frozenset(
    {"secret", "client_secret", "secret_key", "secret_access_key", "private_key", "api_key", "encryption_key"}
)
"""Not every key that ends like one: tls_secret is the name of a Secret of Kubernetes."""
_SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|^[a-z][a-z0-9+.-]*://[^/@:\s]+:[^/@\s]+@"
)


def stack_of(config: Mapping[str, str], secret: Collection[str], file: Path | None) -> Stack:
    """The stack of `config` (values as the engine has them, decrypted, with the keys that hold a secret).

    Without a file nobody can tell which part of a secret value was written in clear.
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
        plain_secrets=tuple(_plain_secrets(clear, "")),
    )


def stack_file(project: Path, stack: str) -> Path | None:
    """The stack's file, of the project that `project` is in or below."""
    for folder in (project, *project.parents):
        declared = folder / "Pulumi.yaml"
        if declared.is_file():
            settings = yaml.safe_load(declared.read_text()) or {}
            found: Path = folder / str(settings.get("stackConfigDir", "")) / f"Pulumi.{stack}.yaml"
            return found if found.is_file() else None
    return None


def _config_of(file: Path | None) -> Mapping[str, Any]:
    return {} if file is None else _mapping(_mapping(yaml.safe_load(file.read_text())).get("config"))


def _plain_secrets(node: Any, path: str) -> Iterator[str]:
    """The paths of what looks like a secret, by its key or by its value, and is not encrypted."""
    if isinstance(node, Mapping):
        if set(node) == {"secure"}:
            return
        for key, value in node.items():
            yield from _plain_secrets(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _plain_secrets(value, f"{path}[{index}]")
    elif _is_plain_secret(node, path):
        yield path


def _is_plain_secret(value: Any, path: str) -> bool:
    if not isinstance(value, str) or not value or value.startswith("${"):
        return False
    name = re.split(r"[.:]", path)[-1].replace("-", "_").lower()
    named = name in _SECRET_KEYS or name.rpartition("_")[2] in _SECRET_WORDS
    return named or bool(_SECRET_VALUE.search(value))


def _budget(given: Mapping[str, Any]) -> Budget | None:
    if not given:
        return None
    return Budget(int(given.get("instances", 0)), tuple(str(each) for each in given.get("types", ())))


def _object(text: Any) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text))
    except (TypeError, ValueError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
