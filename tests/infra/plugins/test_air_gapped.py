"""Each documented way to bring a plugin to an air-gapped site, with the real engine (docs/plugins.md)."""

import subprocess
from pathlib import Path

import pytest

from infra.engine.session import open_session
from infra.plugins.__main__ import lines
from tests.infra.engine.cloud_project import enter
from tests.infra.engine.conftest import Project
from tests.infra.plugins.conftest import NOWHERE, OVERRIDES, RANDOM, installed

pytestmark = pytest.mark.e2e


def listed(project: Project) -> dict[str, str]:
    """What `make plugins` says of each plugin: installed or missing."""
    rows = [line.split("\t") for line in lines("local", project.checkout)]
    return {name: status for name, _, _, status in rows}


@pytest.mark.parametrize("from_file", [True, False], ids=["archive", "directory"])
def test_a_plugin_is_installed_from_a_file_and_up_uses_it_without_a_network(
    cloud: Project, archive: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch, from_file: bool
) -> None:
    enter(cloud, monkeypatch)
    assert listed(cloud)["random"] == "missing"
    session = open_session("local", cloud.checkout)
    source = archive if from_file else plugin
    session.ask("plugin", "install", "resource", RANDOM.name, RANDOM.version, "--file", str(source))

    assert (installed(cloud) / "pulumi-resource-random").is_file()
    assert listed(cloud) == {"gcp": "missing", "kubernetes": "missing", "random": "installed"}
    result = cloud.run("up")
    assert result.code == 0, result.output
    assert "Will retry" not in result.output


def test_an_installed_plugin_is_carried_to_another_checkout_as_a_directory(
    cloud: Project, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a connected machine the engine downloads; what it has unpacked is packed again, and installed
    inside."""
    enter(cloud, monkeypatch)
    session = open_session("local", cloud.checkout)
    install = ("plugin", "install", "resource", RANDOM.name, RANDOM.version, "--file")
    session.ask(*install, str(archive))
    carried = tmp_path / RANDOM.archive
    subprocess.run(["tar", "-czf", str(carried), "-C", str(installed(cloud)), "."], check=True)
    session.ask("plugin", "rm", "resource", RANDOM.name, "--yes")
    assert listed(cloud)["random"] == "missing"

    session.ask(*install, str(carried))
    assert listed(cloud)["random"] == "installed"
    assert cloud.run("up").code == 0


def test_a_shared_directory_serves_as_the_plugins_of_a_checkout(
    cloud: Project, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(cloud, monkeypatch)
    session = open_session("local", cloud.checkout)
    session.ask("plugin", "install", "resource", RANDOM.name, RANDOM.version, "--file", str(archive))
    shared, own = tmp_path / "shared", installed(cloud).parent
    own.rename(shared)
    own.symlink_to(shared)

    assert listed(cloud)["random"] == "installed"
    result = cloud.run("up")
    assert result.code == 0, result.output


def test_a_mirror_serves_the_install_command(
    cloud: Project, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(cloud, monkeypatch)
    session = open_session("local", cloud.checkout)
    session.ask("plugin", "install", "resource", RANDOM.name, RANDOM.version, "--server", mirror)
    assert listed(cloud)["random"] == "installed"


def test_a_mirror_serves_up_by_the_engines_variable(cloud: Project, mirror: str) -> None:
    cloud.environment[OVERRIDES] = f"^github://api[.]github[.]com/pulumi={mirror}"
    result = cloud.run("up")
    assert result.code == 0, result.output
    assert (installed(cloud) / "pulumi-resource-random").is_file()
    cloud.environment[OVERRIDES] = NOWHERE
    assert cloud.run("refresh").code == 0
