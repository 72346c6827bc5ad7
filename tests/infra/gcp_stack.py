"""The stacks of Google Cloud, and variants of them, against Pulumi's mocks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
import yaml

from infra.cloud import provider_of
from infra.construction import Construction
from infra.settings import Settings, parse
from infra.stack_file import KEY, StackFile
from providers.kubernetes.results import TerminationMessages
from tests.infra.rendered import once
from tests.mocked_program import Run, run_program
from tests.providers.gcp.mocked import Gcp

CHECKOUT = Path(__file__).parents[2]
STACKS = ("gcp-dev", "gcp-prod")
LIGHT: Mapping[str, Any] = {
    "demo": False,
    "components": dict.fromkeys(
        ("kafka", "redis", "nats", "iceberg_catalog", "trino", "spark", "keycloak"), False
    ),
}
"""Changes that leave what Google serves, for a test that asks of nothing else."""


def template(stack: str) -> Path:
    return CHECKOUT / "stacks" / f"Pulumi.{stack}.template.yaml"


def settings(stack: str, changes: Mapping[str, Any] | None = None) -> Settings:
    """Of the stack, with `changes` to `nebula:platform`; to its `gcp`, key by key."""
    document = yaml.safe_load(template(stack).read_text())["config"][KEY]
    google = {**document["gcp"], **(changes or {}).get("gcp", {})}
    changed = {**document, **(changes or {}), "gcp": google}
    return parse(json.dumps(changed), StackFile(template(stack)))


def run(stack: str, changes: Mapping[str, Any] | None = None, *, preview: bool = False) -> Run:
    """The stack `gcp-dev` or `gcp-prod` with `changes`, on the provider that the program picks. There is
    no cluster to read a task's result from: every result is empty."""
    chosen = settings(stack, changes)

    def program() -> None:
        Construction(chosen, provider_of(chosen, CHECKOUT), StackFile(template(stack))).export()

    def made() -> Run:
        with mock.patch.object(TerminationMessages, "of", side_effect=lambda _: pulumi.Output.from_input({})):
            return run_program(program, stack=stack, preview=preview, stand_in=Gcp)

    return once((stack, preview), chosen, made)
