"""The stacks of AWS, and variants of them, against Pulumi's mocks."""

import json
from collections.abc import Mapping
from pathlib import Path
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
from tests.providers.aws.mocked import Aws

CHECKOUT = Path(__file__).parents[2]


def template(stack: str) -> Path:
    return CHECKOUT / "stacks" / f"Pulumi.{stack}.template.yaml"


def settings(stack: str, changes: Mapping[str, object] | None = None) -> Settings:
    document = yaml.safe_load(template(stack).read_text())["config"][KEY]
    return parse(json.dumps({**document, **(changes or {})}, default=str), StackFile(template(stack)))


def run(stack: str, changes: Mapping[str, object] | None = None, *, preview: bool = False) -> Run:
    """The stack `aws-dev` or `aws-prod` with `changes` to `nebula:platform`, on the provider that the
    program picks. There is no cluster to read a task's result from: every result is empty."""
    chosen = settings(stack, changes)

    def program() -> None:
        Construction(chosen, provider_of(chosen, CHECKOUT), StackFile(template(stack))).export()

    def made() -> Run:
        with mock.patch.object(TerminationMessages, "of", side_effect=lambda _: pulumi.Output.from_input({})):
            return run_program(program, stack=stack, preview=preview, stand_in=Aws)

    return once((stack, preview), chosen, made)
