"""Stand-ins serve `make preview` where plugins cannot be had, and no other command, with the real engine."""

from pathlib import Path

import pytest

from infra.engine import state
from infra.engine.checkout import PROJECT
from infra.plugins.required import PACKAGES
from infra.plugins.standin import launcher
from infra.plugins.standin.__main__ import refusal
from tests.infra.engine.cloud_project import write
from tests.infra.engine.conftest import Project
from tests.infra.plugins.conftest import NOWHERE, OVERRIDES, with_first

pytestmark = pytest.mark.e2e
NOTICE = "PREVIEW WITH STAND-INS"
CHANGING = ("up", "refresh", "drift", "down")


def resources(project: Project) -> list[str]:
    latest = state.deployment(project.checkout.state, PROJECT, "local")
    return sorted(each["urn"] for each in latest.get("resources") or [])


def test_a_preview_says_first_and_last_what_stands_in_and_what_it_proves_less(cloud: Project) -> None:
    result = cloud.run("preview")
    assert result.code == 0, result.output
    first, *_, last = result.output.strip().splitlines()
    assert first == last
    assert result.output.count(NOTICE) == 2
    for part in (NOTICE, "gcp ", "kubernetes ", "random ", "connection refused", "docs/plugins.md"):
        assert part in first
    assert "no cloud or cluster has checked names" in first
    assert "random:index:RandomPassword" in result.output
    assert "Will retry" not in result.output


def test_a_preview_that_fails_still_ends_with_what_stood_in(cloud: Project) -> None:
    cloud.program('import pulumi\n\nraise pulumi.RunError("not today")\n')
    result = cloud.run("preview")
    assert result.code != 0
    assert "not today" in result.output
    assert result.output.strip().splitlines()[-1].startswith(NOTICE)


def test_a_preview_with_wrong_settings_shows_their_error_and_asks_for_no_plugin(cloud: Project) -> None:
    write(cloud, "local", {"cloud": "gcp"})
    cloud.program('import pulumi\n\nraise pulumi.RunError("line 3: say where")\n')
    result = cloud.run("preview")
    assert result.code != 0
    assert "line 3: say where" in result.output
    assert NOTICE not in result.output


def test_up_uses_no_stand_in(cloud: Project) -> None:
    result = cloud.run("up")
    assert result.code != 0
    assert NOTICE not in result.output
    assert "connection refused" in result.output
    assert not [urn for urn in resources(cloud) if "RandomPassword" in urn]


@pytest.mark.parametrize("on_path", [False, True])
def test_no_command_but_preview_is_served_by_stand_ins_not_even_from_path(
    cloud: Project, plugin: Path, tmp_path: Path, on_path: bool
) -> None:
    plain = dict(cloud.environment)
    cloud.environment = with_first(plugin, plain)
    assert cloud.run("up").code == 0
    before = resources(cloud)
    assert [urn for urn in before if "RandomPassword" in urn]

    standins = tmp_path / "standins"
    launcher.write(standins, PACKAGES)
    cloud.environment = with_first(standins, plain) if on_path else plain
    for command in CHANGING if on_path else CHANGING[1:]:  # `up` without any plugin is the test above
        result = cloud.run(command)
        assert result.code != 0, (command, result.output)
        assert NOTICE not in result.output
        told = "serves `pulumi preview` without --refresh only" if on_path else "connection refused"
        assert told in result.output, (command, result.output)
        assert resources(cloud) == before


def test_only_a_plain_preview_is_served() -> None:
    assert refusal("aws", ["/opt/pulumi", "preview", "--stack", "a"]) is None
    for command in (
        ["pulumi", "up"],
        ["pulumi", "destroy"],
        ["pulumi", "preview", "--refresh", "--diff"],
        ["pulumi", "preview", "-r"],
        ["pulumi", "stack", "preview"],
        ["sh"],
        [],
    ):
        assert "docs/plugins.md" in str(refusal("aws", command))


def test_a_plugin_of_the_site_is_used_and_stand_ins_for_the_others(cloud: Project, plugin: Path) -> None:
    cloud.environment = with_first(plugin, cloud.environment)
    result = cloud.run("preview")
    assert result.code == 0, result.output
    first = result.output.splitlines()[0]
    assert "gcp " in first
    assert "random" not in first


def test_a_plugin_is_downloaded_from_a_mirror_and_kept(cloud: Project, mirror: str) -> None:
    cloud.environment[OVERRIDES] = f".*={mirror}"
    first = cloud.run("preview")
    assert first.code == 0, first.output
    assert "Downloading the provider plugin random" in first.output
    line = next(each for each in first.output.splitlines() if each.startswith(NOTICE))
    assert "random" not in line
    assert "404" in line

    cloud.environment[OVERRIDES] = NOWHERE
    up = cloud.run("up")
    assert up.code == 0, up.output
