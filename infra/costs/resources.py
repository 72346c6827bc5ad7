"""The resources of a stack, from what the engine prints."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from providers.costs import Resource

_GONE = frozenset(
    {"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace", "read-discard"}
)
_STACK = "pulumi:pulumi:Stack"


def from_preview(document: Mapping[str, Any]) -> list[Resource]:
    """From `pulumi preview --json --show-sames`: what the stack will have. Without `--show-sames` the
    engine leaves out what does not change, and so does this."""
    steps = document.get("steps") or []
    return _resources(step["newState"] for step in steps if step["op"] not in _GONE and step.get("newState"))


def from_events(lines: Iterable[str]) -> list[Resource]:
    """From an event log (`pulumi up|preview --event-log`): one event a line."""
    states = []
    for line in lines:
        metadata = (json.loads(line).get("resourcePreEvent") or {}).get("metadata") or {}
        if metadata.get("op") not in _GONE and metadata.get("new"):
            states.append(metadata["new"])
    return _resources(states)


def from_deployment(deployment: Mapping[str, Any]) -> list[Resource]:
    """From a state: `deployment` of `pulumi stack export`."""
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
    """The outermost ancestor below the stack: a component, or the resource itself."""
    outermost = urn
    while parent := every.get(outermost, {}).get("parent"):
        if f"::{_STACK}::" in parent or parent == outermost:
            break
        outermost = parent
    return _name(outermost)


def _name(urn: str) -> str:
    # A URN is urn:pulumi:<stack>::<project>::<types>::<name>, and a name may hold colons.
    return urn.split("::", 3)[3]
