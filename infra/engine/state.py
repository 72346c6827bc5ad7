"""Reads the state of stacks from the files of the file backend. A call of the engine takes a second each."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from infra.engine.errors import DamagedStateError

_SUFFIXES = (".json", ".json.gz", ".json.zst")
"""The suffixes of state files: plain, and compressed by PULUMI_DIY_BACKEND_GZIP or
PULUMI_DIY_BACKEND_ZSTD."""
_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which a state marks special values. In outputs they are secrets."""


def state_file(state: Path, project: str, stack: str) -> Path:
    """Returns the file of the stack's state, or where it would be."""
    every = [_stacks(state) / project / f"{stack}{suffix}" for suffix in _SUFFIXES]
    return next((path for path in every if path.exists()), every[0])


def deployment(state: Path, project: str, stack: str) -> dict[str, Any]:
    """Returns the stack's last deployment, empty for a stack that never had one.

    Raises FileNotFoundError when the backend does not have the stack, and DamagedStateError when its state
    cannot be read.
    """
    return _latest(state_file(state, project, stack))


def _latest(path: Path) -> dict[str, Any]:
    try:
        return _parse(path)
    except _UNREADABLE:
        raise DamagedStateError(path, _backup(path)) from None


_UNREADABLE = (ValueError, AttributeError, EOFError, zlib.error, gzip.BadGzipFile)


def _parse(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    document = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    latest = (document.get("checkpoint") or {}).get("latest")
    return latest if isinstance(latest, dict) else {}


def _backup(path: Path) -> Path | None:
    """Returns the engine's copy of the state before the last change, or None when it is missing or
    damaged."""
    kept = path.with_name(f"{path.name}.bak")
    try:
        if path.suffix != ".zst":
            _parse(kept)
    except (*_UNREADABLE, FileNotFoundError):
        return None
    return kept if kept.exists() else None


def _stacks(state: Path) -> Path:
    return state / ".pulumi" / "stacks"


def interrupted_creates(latest: dict[str, Any]) -> list[str]:
    """Returns the URNs of resources whose Create was running when the engine was killed."""
    return [
        operation["resource"]["urn"]
        for operation in latest.get("pending_operations") or []
        if operation["type"] == "creating"
    ]


def plain_outputs(latest: dict[str, Any]) -> dict[str, Any]:
    """Returns the stack's outputs that hold no secret."""
    for resource in latest.get("resources") or []:
        if resource["type"] == "pulumi:pulumi:Stack":
            outputs = resource.get("outputs") or {}
            return {name: value for name, value in outputs.items() if not _holds_secret(value)}
    return {}


def _holds_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return _SIGNATURE in value or any(_holds_secret(item) for item in value.values())
    return isinstance(value, list) and any(_holds_secret(item) for item in value)


def stacks_with_resources(state: Path, project: str) -> list[str]:
    """Returns the stacks of the backend that still have resources: those of `project` by their name, others
    as `project/stack`. Raises DamagedStateError when a state cannot be read."""
    found = []
    for path in sorted(_stacks(state).rglob("*.json*")):
        suffix = next((each for each in _SUFFIXES if path.name.endswith(each)), None)
        if suffix and _latest(path).get("resources"):
            name = path.relative_to(_stacks(state)).as_posix().removesuffix(suffix)
            found.append(name.removeprefix(f"{project}/"))
    return found
