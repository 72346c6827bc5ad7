"""Builds: on a private copy, kept when complete, done again when not."""

import shutil
import sys
from pathlib import Path

import grpc
import pytest

from providers.local.plugin.properties import Properties
from tests.providers.local.plugin.client import Tracked, failure


@pytest.fixture
def inputs(directory: Path, tmp_path: Path) -> Properties:
    source = tmp_path / "distribution"
    (source / "lib").mkdir(parents=True)
    (source / "lib/server.jar").write_text("jar")
    code = "import os; open('lib/optimised', 'a').write(os.environ['MODE'])"
    return {
        "name": "keycloak",
        "directory": str(directory),
        "source": str(source),
        "commands": [[sys.executable, "-c", code], ["test", "-e", "{home}/lib/optimised"]],
        "env": {"MODE": "fast"},
    }


def test_a_build_acts_on_its_own_copy_where_the_preview_said(
    host_resource: Tracked, inputs: Properties
) -> None:
    build = Tracked(host_resource.plugin, "Build", inputs)
    expected = build.preview()["home"]
    home = Path(build.create()["home"])
    assert str(home) == expected
    assert (home / "lib/optimised").read_text() == "fast"
    assert not (Path(inputs["source"]) / "lib/optimised").exists()
    build.create()
    assert (home / "lib/optimised").read_text() == "fast"
    assert build.diff() == []


def test_a_missing_home_is_shown_and_built_again(host_resource: Tracked, inputs: Properties) -> None:
    build = Tracked(host_resource.plugin, "Build", inputs)
    home = Path(build.create()["home"])
    shutil.rmtree(home)
    assert build.diff() == ["home"]
    build.update()
    assert (home / "lib/optimised").exists()


def test_an_unfinished_build_is_done_again_from_the_source(
    host_resource: Tracked, inputs: Properties
) -> None:
    build = Tracked(host_resource.plugin, "Build", inputs)
    home = Path(build.create()["home"])
    (home / ".nebula-built").unlink()
    build.create()
    assert (home / "lib/optimised").read_text() == "fast"


def test_the_build_before_the_last_is_removed(host_resource: Tracked, inputs: Properties) -> None:
    build = Tracked(host_resource.plugin, "Build", inputs)
    homes = [Path(build.create()["home"])]
    homes += [Path(build.update(env={"MODE": mode})["home"]) for mode in ("faster", "fastest")]
    assert [home.exists() for home in homes] == [False, True, True]
    build.delete()
    assert not any(home.exists() for home in homes)


def test_a_failed_build_says_which_command_and_why(host_resource: Tracked, inputs: Properties) -> None:
    inputs["commands"] = [[sys.executable, "-c", "raise SystemExit('no such feature')"]]
    with pytest.raises(grpc.RpcError) as raised:
        Tracked(host_resource.plugin, "Build", inputs).create()
    assert "no such feature" in failure(raised.value)
