"""Compares two previews of a stack, resource by resource."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from infra.previews.preview import State

Kind = Literal["added", "changed", "removed"]


@dataclass(frozen=True)
class Change:
    """A resource that differs between two previews: its `type` and `name`, and for a changed one the `paths`
    of the inputs that differ, such as `spec.replicas`. The path `(protect)` stands for its protection from
    deletion."""

    kind: Kind
    type: str
    name: str
    paths: tuple[str, ...] = ()


def differences(base: Mapping[str, State], head: Mapping[str, State]) -> list[Change]:
    """Returns what changes from the resources `base` to the resources `head`, both by URN, sorted by URN."""
    found = []
    for urn in sorted({*base, *head}):
        name = urn.split("::", 3)[3]
        if urn not in base:
            found.append(Change("added", str(head[urn]["type"]), name))
        elif urn not in head:
            found.append(Change("removed", str(base[urn]["type"]), name))
        elif paths := tuple(_paths(_inputs(base[urn]), _inputs(head[urn]), "")):
            found.append(Change("changed", str(head[urn]["type"]), name, paths))
    return found


def _inputs(state: State) -> Mapping[str, Any]:
    """Returns the inputs of a resource, and its protection, which the engine keeps beside them."""
    return {**(state.get("inputs") or {}), "(protect)": bool(state.get("protect"))}


def _paths(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            inner = f"{path}.{key}" if path else str(key)
            yield from _paths(before.get(key), after.get(key), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _paths(old, new, f"{path}[{index}]")
    elif before != after:
        yield path
