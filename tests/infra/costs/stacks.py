"""Previews written by hand, as the engine prints them."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.costs import from_preview
from providers.costs import Resource

_STACK = "urn:pulumi:dev::nebula::pulumi:pulumi:Stack::nebula-dev"


def step(
    type_: str, name: str, inputs: Mapping[str, Any], parent: str = "", op: str = "create"
) -> dict[str, Any]:
    """One resource of a preview; `parent` is a component's name."""
    above = f"urn:pulumi:dev::nebula::nebula:test:Component::{parent}" if parent else _STACK
    urn = f"urn:pulumi:dev::nebula::{type_}::{name}"
    return {
        "op": op,
        "urn": urn,
        "newState": {"urn": urn, "type": type_, "inputs": dict(inputs), "parent": above},
    }


def component(name: str) -> dict[str, Any]:
    return step("nebula:test:Component", name, {})


def provider(package: str, region: str) -> dict[str, Any]:
    return step(f"pulumi:providers:{package}", package, {"region": region})


def previewed(*steps: Mapping[str, Any]) -> Sequence[Resource]:
    return from_preview({"steps": [*steps]})
