"""The resources of a stack, from what the engine prints."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from providers.costs import Resource

_GONE = frozenset(
    {"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace", "read-discard"}
)
_STACK = "pulumi:pulumi:Stack"


class IncompleteError(Exception):
    """What was given holds no whole stack: what is missing would be taken for free of charge."""


def from_preview(document: Mapping[str, Any]) -> list[Resource]:
    """From `pulumi preview --json --show-sames`: what the stack will have.

    Raises IncompleteError for the preview of a program that failed, and for one without `--show-sames`, in
    which the engine leaves out what does not change.
    """
    steps = document.get("steps") or []
    if any(each.get("severity") == "error" for each in document.get("diagnostics") or []):
        raise IncompleteError("the preview failed, so that it holds a part of the stack: mend that first")
    same = int((document.get("changeSummary") or {}).get("same", 0))
    if left_out := same - sum(step["op"] == "same" for step in steps):
        raise IncompleteError(
            f"the preview leaves out {left_out} resources that do not change: make it with --show-sames"
        )
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
