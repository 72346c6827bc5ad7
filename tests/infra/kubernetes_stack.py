"""The lab stack, and variants of it, against Pulumi's mocks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes import batch

from infra.platform import Platform
from infra.settings import Settings
from infra.stack_file import KEY, StackFile
from providers.kubernetes.exposure import Gateway
from providers.kubernetes.provider import KubernetesArgs, KubernetesProvider
from tests.mocked_program import Kubernetes, Registration, Run, run_program

CHECKOUT = Path(__file__).parents[2]
TEMPLATE = CHECKOUT / "stacks" / "Pulumi.lab.template.yaml"


class NoResults:
    """There is no cluster to read from."""

    def of(self, job: batch.v1.Job) -> pulumi.Output[dict[str, Any]]:
        return pulumi.Output.from_input({})


def run(changes: Mapping[str, object] | None = None, *, preview: bool = False) -> Run:
    """The lab stack with `changes` to `nebula:platform`."""
    document = yaml.safe_load(TEMPLATE.read_text())["config"][KEY]
    settings = Settings.model_validate_json(json.dumps({**document, **(changes or {})}))

    def program() -> None:
        chosen = settings.kubernetes
        args = KubernetesArgs(
            stack="lab",
            namespace=chosen.namespace.name or "nebula-lab",
            create_namespace=chosen.namespace.create,
            mirror=chosen.images.mirror,
            build=CHECKOUT if chosen.images.build else None,
            pull_secrets=tuple(chosen.images.pull_secrets),
            cpu_requests=chosen.cpu_requests,
            exposed=settings.exposed,
            gateway=Gateway("public", "gateways") if chosen.gateway else None,
        )
        provider = KubernetesProvider("kubernetes", args, NoResults())
        Platform(settings, provider, StackFile(TEMPLATE)).export()

    return run_program(program, stack="lab", preview=preview, stand_in=Kubernetes)


def objects(registered: Run) -> dict[str, Registration]:
    """What the API server is given, by `Kind/name`."""
    found = [r for r in registered.resources.values() if r.type.startswith("kubernetes:")]
    return {f"{r.inputs['kind']}/{r.name}": r for r in found}


def manifests(registered: Run, *, secrets: bool = False) -> list[Any]:
    """The objects themselves, in order of kind and name, with `[secret]` for each unless asked for."""
    return [_named(r, secrets) for _, r in sorted(objects(registered).items())]


def _named(registration: Registration, secrets: bool) -> Any:
    """With a name as the engine gives it to what has none: the resource's, and a random end."""
    manifest = _whole(registration.inputs if secrets else registration.plain_inputs)
    return {**manifest, "metadata": {"name": f"{registration.name}-0000000", **manifest["metadata"]}}


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
