"""The plugins that a stack is said to need are those that its program uses."""

import re
from pathlib import Path

import pytest
import yaml

from infra.engine.checkout import HERE
from infra.plugins.required import PACKAGES, Plugin, required
from infra.stack_file import KEY

URNS = Path(__file__).parents[1]
STACKS = {"local", "lab", "aws-dev", "aws-prod", "gcp-dev", "gcp-prod"}
_OURS = "nebula-local"


@pytest.mark.parametrize("stack", sorted(STACKS))
def test_a_stack_needs_the_plugins_of_the_providers_in_its_snapshot(stack: str) -> None:
    snapshot = (URNS / f"{stack.replace('-', '_')}_urns.txt").read_text()
    used = set(re.findall(r"pulumi:providers:([a-z-]+)", snapshot)) - {_OURS}
    template = yaml.safe_load((HERE.stacks / f"Pulumi.{stack}.template.yaml").read_text())

    found = required(template["config"][KEY])
    assert [plugin.name for plugin in found] == sorted(used)
    assert {plugin.name for plugin in found} <= set(PACKAGES)


def test_every_stack_of_the_project_is_looked_at() -> None:
    assert {path.name.split(".")[1] for path in HERE.stacks.glob("Pulumi.*.template.yaml")} == STACKS


def test_a_stack_that_builds_its_images_needs_docker_too() -> None:
    building = {"cloud": "kubernetes", "kubernetes": {"images": {"build": True}}}
    assert [plugin.name for plugin in required(building)] == ["docker", "kubernetes", "random"]
    assert required({"cloud": "local", "kubernetes": {"images": {"build": True}}}) == ()


def test_a_plugin_has_the_version_of_the_sdk_in_the_lock() -> None:
    locked = (HERE.root / "requirements.txt").read_text()
    for plugin in required({"cloud": "aws"}):
        assert f"pulumi-{plugin.name}=={plugin.version} " in locked


def test_directory_and_archive_are_named_as_the_engine_names_them() -> None:
    plugin = Plugin("aws", "7.51.1")
    assert plugin.directory == "resource-aws-v7.51.1"
    assert re.fullmatch(
        r"pulumi-resource-aws-v7\.51\.1-(linux|darwin)-(amd64|arm64)\.tar\.gz", plugin.archive
    )


def test_the_documented_plugins_are_those_that_a_cloud_needs() -> None:
    page = (HERE.root / "docs" / "plugins.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z]+)` \| (.+) \|$", page, re.MULTILINE))
    assert {cloud: re.findall(r"`([a-z]+)`", cell) for cloud, cell in rows.items()} == {
        cloud: [plugin.name for plugin in required({"cloud": cloud})]
        for cloud in ("local", "kubernetes", "aws", "gcp")
    }
