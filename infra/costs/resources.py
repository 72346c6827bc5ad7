"""Reads the resources of a stack from the engine's previews, event logs and states."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from providers.costs import Resource

_GONE = frozenset(
    {"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace", "read-discard"}
)
_STACK = "pulumi:pulumi:Stack"


class IncompleteError(Exception):
    """A document does not hold a whole stack. Resources that are missing would be taken for free."""


def from_preview(document: Mapping[str, Any]) -> list[Resource]:
    """Returns the resources that a stack will have, from what `pulumi preview --json --show-sames` prints.

    Raises IncompleteError when the preview failed, and when it was made without `--show-sames`, so that
    resources that do not change are missing.
    """
    steps = document.get("steps") or []
    if any(each.get("severity") == "error" for each in document.get("diagnostics") or []):
        raise IncompleteError(
            "The preview failed, so it holds only a part of the stack. Mend the program and preview it again."
        )
    same = int((document.get("changeSummary") or {}).get("same", 0))
    if left_out := same - sum(step["op"] == "same" for step in steps):
        raise IncompleteError(
            f"The preview leaves out {left_out} resources that do not change: make it with --show-sames."
        )
    return _resources(step["newState"] for step in steps if step["op"] not in _GONE and step.get("newState"))


def from_events(lines: Iterable[str]) -> list[Resource]:
    """Returns the resources that a stack will have, from the lines of an event log (`pulumi up|preview
    --event-log`), each of which is one event in JSON."""
    states = []
    for line in lines:
        metadata = (json.loads(line).get("resourcePreEvent") or {}).get("metadata") or {}
        if metadata.get("op") not in _GONE and metadata.get("new"):
            states.append(metadata["new"])
    return _resources(states)


def from_deployment(deployment: Mapping[str, Any]) -> list[Resource]:
    """Returns the resources that a stack has, from `deployment` in what `pulumi stack export` prints."""
    return _resources(each for each in deployment.get("resources") or [] if not each.get("delete"))


def _resources(states: Iterable[Mapping[str, Any]]) -> list[Resource]:
    every = {str(state["urn"]): state for state in states}
    return [
        Resource(
            urn=urn,
            type=str(state["type"]),
            name=_name(urn),
            component=_component(urn, every),
            properties=state.get("inputs") or {},
        )
        for urn, state in every.items()
        if state["type"] != _STACK and not state.get("external")
    ]


def _component(urn: str, every: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the name of the resource's outermost ancestor below the stack: a component, or the resource
    itself."""
    outermost = urn
    while parent := every.get(outermost, {}).get("parent"):
        if f"::{_STACK}::" in parent or parent == outermost:
            break
        outermost = parent
    return _name(outermost)


def _name(urn: str) -> str:
    # A URN is urn:pulumi:<stack>::<project>::<types>::<name>, and a name may hold colons.
    return urn.split("::", 3)[3]
