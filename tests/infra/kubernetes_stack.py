"""The lab stack, and variants of it, against Pulumi's mocks."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
import yaml

from components.software import images
from infra.cloud import provider_of
from infra.construction import Construction
from infra.settings import Settings
from infra.stack_file import KEY, StackFile
from providers.kubernetes.results import TerminationMessages
from tests.infra.rendered import once
from tests.mocked_program import Kubernetes, Registration, Run, run_program

CHECKOUT = Path(__file__).parents[2]
TEMPLATE = CHECKOUT / "stacks" / "Pulumi.lab.template.yaml"


def run(
    changes: Mapping[str, object] | None = None, *, preview: bool = False, content: str | None = None
) -> Run:
    """The lab stack with `changes` to `nebula:platform`, on the provider that the program picks. There is
    no cluster to read a task's result from: every result is empty. A `content` stands for that of each image
    of ours."""
    document = yaml.safe_load(TEMPLATE.read_text())["config"][KEY]
    settings = Settings.model_validate_json(json.dumps({**document, **(changes or {})}))

    def program() -> None:
        Construction(settings, provider_of(settings, CHECKOUT), StackFile(TEMPLATE)).export()

    def made() -> Run:
        with ExitStack() as patches:
            empty = mock.patch.object(
                TerminationMessages, "of", side_effect=lambda _: pulumi.Output.from_input({})
            )
            patches.enter_context(empty)
            if content is not None:
                patches.enter_context(mock.patch.object(images, "content", return_value=content))
            return run_program(program, stack="lab", preview=preview, stand_in=Kubernetes)

    return once(("lab", preview, content), settings, made)


def objects(registered: Run) -> dict[str, Registration]:
    """What the API server is given, by `Kind/name`."""
    found = [r for r in registered.resources.values() if r.type.startswith("kubernetes:")]
    return {f"{r.inputs['kind']}/{r.name}": r for r in found}


def manifests(registered: Run, *, secrets: bool = False) -> list[Any]:
    """The objects themselves, in order of kind and name, with `[secret]` for each unless asked for."""
    return [_manifest(r, secrets) for _, r in sorted(objects(registered).items())]


def _manifest(registration: Registration, secrets: bool) -> Any:
    return _whole(registration.inputs if secrets else registration.plain_inputs)


def _whole(value: Any) -> Any:
    """The engine's numbers are floats."""
    match value:
        case float():
            return int(value) if value.is_integer() else value
        case Mapping():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
    return value
