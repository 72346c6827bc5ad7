"""Every stack of the project, previewed by the real engine against stand-ins, with the policies on."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.engine import installation
from infra.engine.checkout import HERE
from infra.previews import snapshot
from infra.previews.__main__ import PACK
from infra.previews.preview import Preview, preview
from infra.stack_file import KEY
from providers.local import paths
from tests.infra.projections import declared

pytestmark = pytest.mark.e2e
STACKS = sorted(path.name.split(".")[1] for path in HERE.stacks.glob("Pulumi.*.template.yaml"))
KUBERNETES = "kubernetes:apps/v1:StatefulSet"
OF_CLOUD = {
    "local": {"nebula-local:index:Process"},
    "kubernetes": {KUBERNETES},
    "aws": {KUBERNETES, "aws:eks/cluster:Cluster", "aws:s3/bucket:Bucket", "aws:rds/instance:Instance"},
    "gcp": {
        KUBERNETES,
        "gcp:container/cluster:Cluster",
        "gcp:storage/bucket:Bucket",
        "gcp:sql/databaseInstance:DatabaseInstance",
    },
}
"""What a stack of each cloud must have, lest an empty program pass."""
CLOUDS = {
    "local": "local",
    "lab": "kubernetes",
    "aws-dev": "aws",
    "aws-prod": "aws",
    "gcp-dev": "gcp",
    "gcp-prod": "gcp",
}


@pytest.fixture(scope="module")
def previewed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Preview]:
    engine = installation.find(os.environ, paths.cache_directory())
    if engine is None:
        pytest.skip("there is no engine here: python -m infra.engine test-env builds one")
    found = engine
    checkout = snapshot.copy_working_tree(HERE.root, tmp_path_factory.mktemp("project"))

    @cache
    def of(stack: str) -> Preview:
        return preview(checkout.root, stack, found, pack=PACK)

    return of


@pytest.fixture
def theirs() -> Iterator[Path]:
    """The directory of a local stack that the checkout of these tests has up, which servers of any user
    reach."""
    with tempfile.TemporaryDirectory(prefix="nebula-previews-") as parent:
        Path(parent).chmod(0o711)
        directory = Path(parent) / "stack"
        (directory / "supervisord").mkdir(parents=True)
        owner = {"checkout": str(HERE.root), "stack": "local", "keepData": False, "created": []}
        (directory / "owner.json").write_text(json.dumps(owner))
        (directory / "owner.json").chmod(0o600)
        yield directory


@pytest.fixture
def variant(tmp_path: Path) -> Callable[..., Preview]:
    """Previews the lab with changes to what its file says of the platform, key by key below `kubernetes`."""
    engine = installation.find(os.environ, paths.cache_directory())
    if engine is None:
        pytest.skip("there is no engine here: python -m infra.engine test-env builds one")
    found = engine

    def of(**changes: Any) -> Preview:
        checkout = snapshot.copy_working_tree(HERE.root, tmp_path)
        file = checkout.stack_file("lab")
        content = yaml.safe_load(file.read_text())
        platform = content["config"][KEY]
        kubernetes = {**platform.get("kubernetes", {}), **changes.pop("kubernetes", {})}
        content["config"][KEY] = {**platform, **changes, "kubernetes": kubernetes}
        file.write_text(yaml.safe_dump(content))
        return preview(checkout.root, "lab", found, pack=PACK)

    return of


def test_every_stack_that_comes_with_the_project_is_previewed() -> None:
    assert set(STACKS) == set(CLOUDS)


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_previews_and_violates_no_policy(stack: str, previewed: Callable[[str], Preview]) -> None:
    found = previewed(stack)

    assert found.errors == ()
    assert found.violations == ()
    assert found.code == 0
    assert {resource["type"] for resource in found.resources.values()} >= OF_CLOUD[CLOUDS[stack]]


def test_exposed_components_may_have_public_load_balancers_and_an_edge_violates_nothing(
    variant: Callable[..., Preview],
) -> None:
    """In production, where every rule is mandatory. Kafka's edge has a listener for each broker."""
    hosts = {
        "trino": "trino.example.test",
        "iceberg_catalog": "catalog.example.test",
        "kafka": "kafka.example.test",
    }
    found = variant(
        size="production", expose=hosts, kubernetes={"load_balancer": {"tls_secret": "certificate"}}
    )

    assert (found.errors, found.violations, found.code) == ((), (), 0)
    kinds = [each["inputs"].get("spec", {}).get("type") for each in found.resources.values()]
    assert kinds.count("LoadBalancer") == len(hosts)


def test_projections_violate_nothing_in_production(variant: Callable[..., Preview]) -> None:
    found = variant(size="production", **declared())

    assert (found.errors, found.violations, found.code) == ((), (), 0)
    workers = {
        each["inputs"]["metadata"]["name"] for each in found.resources.values() if each["type"] == KUBERNETES
    }
    assert {name for name in workers if name.startswith("projections")}


def test_a_local_stack_is_previewed_while_another_checkout_has_it_up(theirs: Path, tmp_path: Path) -> None:
    """As `make pr-report` does on a laptop where the stack is up: the checkout that it previews is a copy."""
    engine = installation.find(os.environ, paths.cache_directory())
    if engine is None:
        pytest.skip("there is no engine here: python -m infra.engine test-env builds one")
    checkout = snapshot.copy_working_tree(HERE.root, tmp_path)
    file = checkout.stack_file("local")
    content = yaml.safe_load(file.read_text())
    content["config"][KEY]["local"] = {"directory": str(theirs)}
    file.write_text(yaml.safe_dump(content))
    found = preview(checkout.root, "local", engine, pack=PACK)

    assert (found.errors, found.code) == ((), 0)
    assert {resource["type"] for resource in found.resources.values()} >= OF_CLOUD["local"]
    warned = [event["diagnosticEvent"] for event in found.events if event.get("diagnosticEvent")]
    told = " ".join(str(each["message"]) for each in warned if each["severity"] == "warning")
    assert f"{theirs} belongs to stack local of the checkout {HERE.root}" in told


def test_a_preview_leaves_the_stack_files_of_the_checkout_alone(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in HERE.stacks.iterdir()}
    snapshot.copy_working_tree(HERE.root, tmp_path)

    assert {path: path.read_bytes() for path in HERE.stacks.iterdir()} == before
    assert {path.name for path in (tmp_path / "stacks").glob("Pulumi.*.yaml")} >= {
        f"Pulumi.{stack}.yaml" for stack in STACKS
    }
