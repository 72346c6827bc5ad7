"""The engine, our language host and the commands around them, on a small project."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infra.engine import state
from infra.engine.checkout import PROJECT
from tests.infra.engine.conftest import Project

SLOW = """\
import pulumi

class Slow(pulumi.CustomResource):
    def __init__(self, name, until):
        super().__init__("slow:index:Slow", name, {{"until": until}})

Slow("slow", {until!r})
"""
WaitFor = Callable[[Callable[[], bool], subprocess.Popen[str]], None]


def engine_of(project: Project) -> psutil.Process | None:
    """The engine that works on the project."""
    for process in psutil.process_iter(["name", "cwd"]):
        if process.info["name"] == "pulumi" and process.info["cwd"] == str(project.checkout.root):
            return process
    return None


def pending(project: Project) -> list[str]:
    return state.interrupted_creates(state.deployment(project.checkout.state, PROJECT, "local"))


def descendants(process: psutil.Process | None) -> list[psutil.Process]:
    assert process is not None
    return process.children(recursive=True)


def test_up_is_idempotent_and_down_leaves_only_what_is_private(project: Project) -> None:
    project.program(
        """
        import pulumi
        platform = pulumi.Config("nebula").require_object("platform")
        pulumi.export("endpoints", {"trino": {"url": "http://127.0.0.1:1", "cloud": platform["cloud"]}})
        pulumi.export("credentials", pulumi.Output.secret({"trino": {"password": "sentinel"}}))
        """
    )
    first, second = project.run("up"), project.run("up")
    assert first.code == second.code == 0, first.output + second.output
    assert re.search(r"1 unchanged", second.output)
    assert "sentinel" not in first.output + second.output
    assert "http://127.0.0.1:1" in first.output

    outputs = json.loads(project.run("outputs").output)
    assert outputs["credentials"]["trino"]["password"] == "sentinel"
    assert outputs["endpoints"]["trino"]["cloud"] == "local"
    state_file = state.state_file(project.checkout.state, PROJECT, "local")
    assert "sentinel" not in state_file.read_text()

    down = project.run("down")
    assert down.code == 0, down.output
    assert not state_file.exists()
    assert project.checkout.private.stat().st_mode & 0o777 == 0o700
    assert project.checkout.passphrase.stat().st_mode & 0o777 == 0o600
    assert len(project.checkout.passphrase.read_text()) > 30
    assert "cloud: local" in project.checkout.stack_file("local").read_text()


@pytest.mark.parametrize(
    ("statement", "shown", "hidden"),
    [
        ('raise pulumi.RunError("stacks/Pulumi.local.yaml, line 3: wrong")', "line 3: wrong", "Traceback"),
        ('raise SystemExit("not today")', "not today", "Traceback"),
        ("1 / 0", "ZeroDivisionError", "runpy"),
        (
            'pulumi.export("x", pulumi.Output.from_input(0).apply(lambda x: 1 / x))',
            "ZeroDivisionError",
            "runpy",
        ),
    ],
)
def test_failing_program_shows_its_error_once(
    project: Project, statement: str, shown: str, hidden: str
) -> None:
    project.program(f"import pulumi\n{statement}\n")
    outcome = project.run("preview")
    diagnostics = outcome.output.partition("Diagnostics:")[2]
    assert outcome.code != 0
    assert diagnostics.count(shown) == 1, outcome.output
    assert hidden not in diagnostics


def test_program_output_is_shown(project: Project) -> None:
    project.program("import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)\n")
    output = project.run("preview").output
    assert "to stdout" in output
    assert "to stderr" in output


def test_config_secret_reaches_the_program_as_a_secret(project: Project) -> None:
    project.program("")
    assert project.run("preview").code == 0
    assert plain_pulumi(project, "pulumi config set --secret nebula:word sentinel").returncode == 0
    project.program(
        """
        import pulumi
        word = pulumi.Config("nebula").require_secret("word")
        pulumi.export("length", pulumi.Output.unsecret(word.apply(len)))
        pulumi.export("word", word)
        """
    )
    outcome = project.run("up")
    assert outcome.code == 0, outcome.output
    assert "sentinel" not in outcome.output
    assert (
        state.deployment(project.checkout.state, PROJECT, "local")["resources"][0]["outputs"]["length"] == 8
    )


def test_env_serves_plain_pulumi(project: Project) -> None:
    project.program("")
    previewed = plain_pulumi(project, "pulumi preview --stack local")
    assert previewed.returncode == 0, previewed.stderr
    assert "1 to create" in previewed.stdout


def plain_pulumi(project: Project, command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command after `eval "$(make -s env)"`."""
    process = project.start("env")
    exports = "\n".join(
        line for line in process.communicate()[0].splitlines() if line.startswith(("export ", "unset "))
    )
    root = shlex.quote(str(project.checkout.root))
    return subprocess.run(
        ["sh", "-c", f"{exports}\ncd {root}\npulumi stack select local\n{command}"],
        env=project.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_up_after_a_killed_engine_converges(project: Project, tmp_path: Path, wait_for: WaitFor) -> None:
    until = tmp_path / "slow.go"
    project.program(SLOW.format(until=str(until)))
    process = project.start("up")
    wait_for(until.with_suffix(".started").exists, process)
    engine = engine_of(project)
    assert engine is not None
    left = descendants(engine)
    assert left, "the language host and the provider run below the engine"
    engine.kill()
    output, _ = process.communicate()
    assert process.returncode == 128 + signal.SIGKILL, output
    assert psutil.wait_procs(left, timeout=60)[1] == [], "what the engine started ends with it"
    assert pending(project)

    until.touch()
    outcome = project.run("up")
    assert outcome.code == 0, outcome.output
    assert f"pid {engine.pid}" in outcome.output
    assert "interrupted while it created slow" in outcome.output
    assert pending(project) == []
    assert "2 unchanged" in project.run("up").output


def test_second_up_is_refused_and_touches_nothing(
    project: Project, tmp_path: Path, wait_for: WaitFor
) -> None:
    until = tmp_path / "slow.go"
    project.program(SLOW.format(until=str(until)))
    process = project.start("up")
    wait_for(until.with_suffix(".started").exists, process)
    engine = engine_of(project)
    assert engine is not None
    before = state.state_file(project.checkout.state, PROJECT, "local").read_bytes()

    refused = project.run("up")
    assert refused.code == 1
    assert f"pid {engine.pid}" in refused.output
    assert state.state_file(project.checkout.state, PROJECT, "local").read_bytes() == before

    until.touch()
    output, _ = process.communicate()
    assert process.returncode == 0, output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_interrupt_is_a_graceful_stop(
    project: Project, tmp_path: Path, wait_for: WaitFor, number: signal.Signals
) -> None:
    until = tmp_path / "slow.go"
    project.program(SLOW.format(until=str(until)))
    process = project.start("up")
    wait_for(until.with_suffix(".started").exists, process)
    engine = engine_of(project)
    left = descendants(engine)
    os.kill(process.pid, number)
    output, _ = process.communicate()
    assert process.returncode != 0
    assert psutil.wait_procs(left, timeout=60)[1] == []
    assert not list((project.checkout.state / ".pulumi" / "locks").rglob("*.json")), output

    until.touch()
    outcome = project.run("up")
    assert outcome.code == 0, outcome.output
    assert pending(project) == []


def _stack_that_is_not_destroyed(project: Project, tmp_path: Path, options: str = "") -> Path:
    """A stack of one resource that the provider refuses to delete, up; its state."""
    until = tmp_path / "until"
    until.touch()
    program = SLOW.format(until=str(until))
    if options:
        program = program.replace("name, {", "name, opts=" + options + ", props={")
    project.program(program)
    assert (up := project.run("up")).code == 0, up.output
    until.with_suffix(".kept").touch()
    return state.state_file(project.checkout.state, PROJECT, "local")


def test_down_keeps_the_state_of_what_it_could_not_destroy_until_that_is_confirmed(
    project: Project, tmp_path: Path
) -> None:
    """A process without a terminal says nothing, which is no yes."""
    state_file = _stack_that_is_not_destroyed(project, tmp_path)
    down = project.run("down")
    assert down.code != 0
    assert "make down STACK=local CONFIRM=local" in down.output
    assert state_file.exists()
    project.environment["CONFIRM"] = "local"
    assert (down := project.run("down")).code == 0, down.output
    assert not state_file.exists()


def test_down_never_goes_past_a_protection(project: Project, tmp_path: Path) -> None:
    state_file = _stack_that_is_not_destroyed(project, tmp_path, "pulumi.ResourceOptions(protect=True)")
    project.environment["CONFIRM"] = "local"
    down = project.run("down")
    assert down.code != 0
    assert "protected" in down.output
    assert state_file.exists()


def test_up_and_down_work_after_state_and_passphrase_were_deleted(project: Project) -> None:
    project.program("")
    assert project.run("up").code == 0
    shutil.rmtree(project.checkout.private)
    down = project.run("down")
    assert down.code == 0, down.output
    assert "does not have stack" in down.output
    up = project.run("up")
    assert up.code == 0, up.output
