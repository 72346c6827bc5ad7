"""`make park-expired` as users run it, with the real engine."""

import pytest

from infra import lifetime
from infra.engine.session import open_session
from tests.infra.engine.cloud_project import enter, stack_says, write
from tests.infra.engine.conftest import Project

_PROGRAM = """
import pulumi

power = pulumi.Config().require_object("platform").get("power", "on")
pulumi.export("power", power)
"""
_GUEST = {"cloud": "kubernetes", "kubernetes": {"namespace": {"create": False}}}
"""Nobody asks a cluster whose the namespace is."""
_PAST = {**_GUEST, "ttl": "2020-01-31"}


@pytest.fixture(autouse=True)
def environment(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(project, monkeypatch)
    project.program(_PROGRAM)


def test_a_stack_past_its_ttl_is_listed_then_parked_and_then_left_alone(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    write(project, "old", _PAST)
    write(project, "young", {**_GUEST, "ttl": "2999-01-31"})

    assert lifetime.main(["--dry-run"], project.checkout) == 0
    assert capfd.readouterr().out == "old\n"
    assert stack_says(project, "old") == _PAST

    assert lifetime.main([], project.checkout) == 0
    assert "Parking old, whose ttl is past." in capfd.readouterr().out
    assert stack_says(project, "old") == {**_PAST, "power": "parked"}
    assert "power" not in stack_says(project, "young")

    assert lifetime.main([], project.checkout) == 0
    assert capfd.readouterr().out == "No stack is past its ttl.\n"


def test_a_stack_that_could_not_be_parked_fails_and_is_due_again(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    write(project, "old", _PAST)
    project.program("raise RuntimeError('no cluster answers')\n")

    assert lifetime.main(["--stack", "old"], project.checkout) == 1
    assert "no cluster answers" in capfd.readouterr().out
    assert stack_says(project, "old") == _PAST
    assert lifetime.main(["--dry-run"], project.checkout) == 0
    assert capfd.readouterr().out == "old\n"


def test_a_stack_that_is_not_there_is_an_error(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    assert lifetime.main(["--stack", "nowhere"], project.checkout) == 1
    assert "The stacks are: local" in capfd.readouterr().err


@pytest.mark.parametrize("ttl", ["2020-01-31", "2020-01-31T00:00:00Z", '"2020-01-31"'])
def test_a_stack_is_parked_again_after_its_file_was_rewritten(
    project: Project, capfd: pytest.CaptureFixture[str], ttl: str
) -> None:
    """`pulumi config set` writes every unquoted date of the file as a point in time."""
    file = project.checkout.stack_file("old")
    write(project, "old", _GUEST)
    file.write_text(f"{file.read_text()}    ttl: {ttl}\n")
    assert lifetime.main([], project.checkout) == 0
    session = open_session("old", project.checkout)
    session.ask("config", "set", "--path", "nebula:platform.power", "on", "--stack", "old")
    assert ('"' in ttl) or "2020-01-31 00:00:00 +0000 UTC" in file.read_text()
    capfd.readouterr()

    assert lifetime.main([], project.checkout) == 0
    assert "Parking old, whose ttl is past." in capfd.readouterr().out


def test_a_bad_file_is_named_and_the_others_are_parked(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    write(project, "old", _PAST)
    project.checkout.stack_file("bad").write_text("config:\n  nebula:platform:\n    ttl: .nan\n")
    assert lifetime.main([], project.checkout) == 1
    assert "Pulumi.bad.yaml, line 3: not a number" in capfd.readouterr().err
    assert stack_says(project, "old")["power"] == "parked"
