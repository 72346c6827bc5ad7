"""What the file backend's state says of a stack, read without a call of the engine (a second each)."""

import json
from pathlib import Path
from typing import Any

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key that marks a special value in a state: here, a secret."""


def state_file(state: Path, project: str, stack: str) -> Path:
    return state / ".pulumi" / "stacks" / project / f"{stack}.json"


def deployment(state: Path, project: str, stack: str) -> dict[str, Any]:
    """The stack's last deployment, empty for a stack that never had one.

    Raises FileNotFoundError when the backend does not know the stack.
    """
    content = json.loads(state_file(state, project, stack).read_text())
    latest = (content.get("checkpoint") or {}).get("latest")
    return latest if isinstance(latest, dict) else {}


def interrupted_creates(latest: dict[str, Any]) -> list[str]:
    """URNs of resources whose Create was under way when the engine was killed."""
    return [
        operation["resource"]["urn"]
        for operation in latest.get("pending_operations") or []
        if operation["type"] == "creating"
    ]


def plain_outputs(latest: dict[str, Any]) -> dict[str, Any]:
    """The stack's own outputs that hold no secret."""
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
    """The stacks of this backend that something still belongs to."""
    files = sorted((state / ".pulumi" / "stacks" / project).glob("*.json"))
    return [file.stem for file in files if deployment(state, project, file.stem).get("resources")]
