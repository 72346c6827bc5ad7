"""What every cloud gives the platform, one suite for all: complete endpoints, secrets that are secret,
and at a preview everything that can be known.

A cloud is added by a line in `CLOUDS`, with what it alone cannot know before it has made it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from pulumi.output import Unknown

from infra.declared import BUCKETS, DATABASES
from infra.lakehouse import ROWS
from tests.infra import aws_stack, gcp_stack, kubernetes_stack, local_stack
from tests.mocked_program import Registration, Run
from tests.providers.gcp.mocked import labels_of
from tests.providers.sdk import properties

_TAGS = {"project", "stack", "component", "owner", "cost-centre"}


_EXPECTED = {row.declaration.name for row in ROWS} - {"projections"}
"""Projections run where there are any, and these stacks declare none."""


@dataclass(frozen=True)
class Cloud:
    """A stack with every component and the demo. `unknown` are the parts of its endpoints that exist only
    once the cloud has made them, `tags` says what a resource is tagged with, None for one that takes none."""

    run: Callable[[bool], Run]
    unknown: frozenset[str] = frozenset()
    tags: Callable[[Registration], set[str] | None] | None = None


def _labels(resource: Registration) -> set[str] | None:
    """Every object but those that belong to the cluster has the labels of the stack."""
    if not resource.type.startswith("kubernetes:") or resource.type.endswith(":StorageClass"):
        return None
    return set(resource.inputs["metadata"].get("labels") or ())


def _aws_tags(resource: Registration) -> set[str] | None:
    if not resource.type.startswith("aws:") or "tags" not in properties(resource.type):
        return None
    return set(resource.inputs.get("tags") or ())


def _gcp_labels(resource: Registration) -> set[str] | None:
    if not resource.type.startswith("gcp:"):
        return None
    labels = labels_of(resource)
    may_have_some = bool({"labels", "resourceLabels", "userLabels"} & properties(resource.type))
    return set(labels or ()) if may_have_some or labels is not None else None


CLOUDS = {
    "local": Cloud(run=lambda preview: local_stack.run(preview)),
    "kubernetes": Cloud(run=lambda preview: kubernetes_stack.run(preview=preview), tags=_labels),
    "aws": Cloud(
        run=lambda preview: aws_stack.run("aws-dev", preview=preview),
        # RDS names a server when it makes it.
        unknown=frozenset({"postgres.host"}),
        tags=_aws_tags,
    ),
    "gcp": Cloud(
        run=lambda preview: gcp_stack.run("gcp-dev", preview=preview),
        # So does Cloud SQL.
        unknown=frozenset({"postgres.host"}),
        tags=_gcp_labels,
    ),
}
_REQUIRED_LABELS = {"app.kubernetes.io/instance"}
_REQUIRED: Mapping[str, set[str]] = {"kubernetes": _REQUIRED_LABELS, "aws": _TAGS, "gcp": _TAGS}


@pytest.fixture(scope="module", params=sorted(CLOUDS))
def cloud(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def _run(cloud: str, preview: bool) -> Run:
    return CLOUDS[cloud].run(preview)


@pytest.fixture(scope="module")
def up(cloud: str) -> Run:
    return _run(cloud, False)


@pytest.fixture(scope="module")
def preview(cloud: str) -> Run:
    return _run(cloud, True)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case Mapping():
            for key, item in value.items():
                yield from _leaves(item, f"{path}.{key}" if path else str(key))
        case list():
            for index, item in enumerate(value):
                yield from _leaves(item, f"{path}[{index}]")
        case _:
            yield path, value


def _passwords(run: Run) -> set[str]:
    return {
        str(value)
        for path, value in _leaves(run.outputs["credentials"])
        if path.rpartition(".")[2] == "password"
    }


def test_every_component_is_there(up: Run) -> None:
    assert set(up.outputs["endpoints"]) == _EXPECTED
    assert set(up.outputs["credentials"]) == _EXPECTED


def test_every_endpoint_says_where_it_is(up: Run) -> None:
    for name, endpoint in up.outputs["endpoints"].items():
        known = set(endpoint)
        assert known & {"url", "bootstrap_servers", "master"} or {"host", "port"} <= known, name
        for path, value in _leaves(endpoint, name):
            assert value not in (None, ""), path
            assert not isinstance(value, Unknown), path


def test_what_is_declared_inside_is_there(up: Run) -> None:
    endpoints = up.outputs["endpoints"]
    assert set(endpoints["postgres"]["databases"]) == set(DATABASES)
    assert set(endpoints["object_store"]["buckets"]) == set(BUCKETS)
    assert endpoints["trino"]["catalogs"]


def test_every_database_has_an_owner_with_a_password(up: Run) -> None:
    postgres = up.outputs["credentials"]["postgres"]
    owners = [postgres["databases"][name] for name in DATABASES]
    passwords = [postgres["password"], *(owner["password"] for owner in owners)]
    assert all(passwords)
    assert len(set(passwords)) == len(passwords)


def test_credentials_are_secret_as_a_whole(up: Run) -> None:
    assert up.plain_outputs["credentials"] == "[secret]"


def test_no_password_is_shown(up: Run) -> None:
    passwords = _passwords(up)
    assert passwords
    assert not [p for p in passwords if p in json.dumps(up.plain_outputs, default=str)]
    for resource in up.resources.values():
        shown = json.dumps(resource.plain_inputs, default=str)
        assert not [password for password in passwords if password in shown], resource.urn


def test_preview_knows_what_can_be_known(cloud: str, preview: Run) -> None:
    endpoints = _leaves(preview.outputs["endpoints"])
    assert {path for path, value in endpoints if isinstance(value, Unknown)} == CLOUDS[cloud].unknown


def test_preview_registers_the_same_resources(up: Run, preview: Run) -> None:
    assert set(preview.resources) == set(up.resources)


def test_every_resource_carries_an_explicit_provider(up: Run) -> None:
    owned = [
        resource for resource in up.resources.values() if not resource.type.startswith(("nebula:", "pulumi:"))
    ]
    assert owned
    for resource in owned:
        assert resource.provider, resource.urn
        assert "::default" not in resource.provider, resource.urn


@pytest.mark.parametrize("tagged", sorted(name for name, each in CLOUDS.items() if each.tags))
def test_every_resource_is_tagged(tagged: str) -> None:
    tags_of = CLOUDS[tagged].tags
    assert tags_of is not None
    found = {urn: tags_of(resource) for urn, resource in _run(tagged, False).resources.items()}
    tagged_ones = {urn: tags for urn, tags in found.items() if tags is not None}
    assert tagged_ones
    for urn, tags in tagged_ones.items():
        assert _REQUIRED[tagged] <= tags, urn
