"""Commands that need no engine."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.engine import commands, session, state
from infra.engine.checkout import PROJECT, Checkout
from infra.engine.installation import Engine
from infra.engine.process import run_foreground
from providers.local import paths


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of our own: nothing of the real cache or of real stacks is in reach."""
    monkeypatch.setattr(paths, "cache_directory", lambda: tmp_path / "cache")
    monkeypatch.setattr(paths, "stack_directory", lambda stack: tmp_path / "stacks" / stack)
    (tmp_path / "cache" / "go").mkdir(parents=True)
    return tmp_path


def record_resources(checkout: Checkout, resources: list[dict[str, str]]) -> None:
    path = state.state_file(checkout.state, PROJECT, "local")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))


def test_clean_removes_the_cache_and_what_the_clone_made(checkout: Checkout, machine: Path) -> None:
    record_resources(checkout, [])
    read_only = machine / "cache" / "go" / "module"
    read_only.mkdir()
    (read_only / "file").touch()
    read_only.chmod(0o500)
    assert commands.main("clean", "local", checkout) == 0
    assert not (machine / "cache").exists()
    assert not checkout.private.exists()
    assert checkout.stacks.exists()


def test_clean_is_refused_while_the_backend_knows_resources(
    checkout: Checkout, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_resources(checkout, [{"type": "pulumi:pulumi:Stack"}])
    assert commands.main("clean", "local", checkout) == 1
    assert "make down" in capsys.readouterr().err
    assert (machine / "cache").exists()
    assert checkout.private.exists()


def test_clean_is_refused_while_a_stack_of_another_clone_uses_the_cache(
    checkout: Checkout, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "stacks" / "theirs" / "data").mkdir(parents=True)
    assert commands.main("clean", "local", checkout) == 1
    assert "theirs" in capsys.readouterr().err
    assert (machine / "cache").exists()


def test_clean_is_refused_while_a_server_runs_from_the_cache(
    checkout: Checkout, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its stack keeps its files in a place of its own, as `local.directory` says."""
    program = shutil.copy("/bin/sleep", machine / "cache" / "server")
    environment = {"NEBULA_STACK_DIRECTORY": "/srv/their-stack"}
    server = subprocess.Popen([program, "1000"], env=environment)
    try:
        assert commands.main("clean", "local", checkout) == 1
    finally:
        server.kill()
        server.wait()
    assert "/srv/their-stack" in capsys.readouterr().err
    assert (machine / "cache" / "go").exists()


def test_clean_is_refused_while_a_program_without_a_mark_runs_from_the_cache(
    checkout: Checkout, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Redis writes over its environment, and a stack of it alone may keep its files anywhere."""
    (machine / "cache").rename(machine / "disk")
    (machine / "cache").symlink_to("disk")
    (machine / "disk" / "software").mkdir()
    program = shutil.copy("/bin/sleep", machine / "disk" / "software" / "redis-server")
    server = subprocess.Popen([program, "1000"], env={})
    try:
        assert commands.main("clean", "local", checkout) == 1
    finally:
        server.kill()
        server.wait()
    assert f"pid {server.pid} ({program})" in capsys.readouterr().err
    assert Path(program).exists()


@pytest.mark.parametrize("name", ["other/dev.json", "old.json", f"{PROJECT}/lab.json.gz"])
def test_clean_is_refused_while_any_state_of_the_backend_has_resources(
    checkout: Checkout, machine: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = checkout.state / ".pulumi" / "stacks" / name
    path.parent.mkdir(parents=True)
    content = json.dumps({"checkpoint": {"latest": {"resources": [{"type": "pulumi:pulumi:Stack"}]}}})
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    assert commands.main("clean", "local", checkout) == 1
    assert name.partition(".")[0].removeprefix(f"{PROJECT}/") in capsys.readouterr().err
    assert path.exists()
    assert (machine / "cache").exists()


@pytest.mark.parametrize("command", ["clean", "down"])
def test_a_damaged_state_is_told_and_nothing_is_removed(
    checkout: Checkout,
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    monkeypatch.setattr(session, "open_engine", lambda _: Engine(machine / "pulumi", built_here=True))
    monkeypatch.setenv("PULUMI_HOME", str(machine / "nobody"))
    record_resources(checkout, [])
    (path := state.state_file(checkout.state, PROJECT, "local")).write_text("")
    assert commands.main(command, "local", checkout) == 1
    assert f"error: {path} " in capsys.readouterr().err
    assert path.exists()
    assert (machine / "cache").exists()


@pytest.mark.parametrize(
    "value",
    [
        "\n    secure: v1:abc",
        "\n    passwords:\n      - secure: v1:abc",
        "{secure: v1:abc}",
        '{"secure": "v1:abc"}',
        "\n    'secure': v1:abc",
        "\n    other: &a {secure: v1:abc}\n    again: *a",
    ],
)
def test_clean_is_refused_while_only_this_passphrase_opens_a_secret(
    checkout: Checkout, machine: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    record_resources(checkout, [])
    checkout.passphrase.write_text("p")
    checkout.stack_file("prod").write_text(f"config:\n  nebula:platform: {value}\n")
    assert commands.main("clean", "local", checkout) == 1
    assert "Pulumi.prod.yaml" in capsys.readouterr().err
    assert checkout.passphrase.exists()


def test_clean_is_refused_while_a_stack_file_cannot_be_read(
    checkout: Checkout, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_resources(checkout, [])
    checkout.passphrase.write_text("p")
    checkout.stack_file("prod").write_text("config: [")
    assert commands.main("clean", "local", checkout) == 1
    assert "error: stacks/Pulumi.prod.yaml, line 1" in capsys.readouterr().err
    assert checkout.passphrase.exists()


def test_clean_leaves_what_nothing_of_ours_made_and_names_it(
    checkout: Checkout, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.root / "build").mkdir()
    for path in (machine / "cache" / "notes", checkout.root / "build" / "thesis.pdf"):
        path.write_text("mine")
    (checkout.root / "build" / "bench.json").touch()
    assert commands.main("clean", "local", checkout) == 0
    assert [path.name for path in (machine / "cache").iterdir()] == ["notes"]
    assert [path.name for path in (checkout.root / "build").iterdir()] == ["thesis.pdf"]
    assert "thesis.pdf" in (said := capsys.readouterr().err)
    assert "notes" in said


def test_logs_of_an_unknown_component_lists_those_that_exist(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = checkout.root.parent / "stack" / "logs"
    logs.mkdir(parents=True)
    (logs / "trino.log").touch()
    monkeypatch.setenv("COMPONENT", "trinno")
    assert commands.main("logs", "local", checkout) == 1
    assert "'trinno'" in (error := capsys.readouterr().err)
    assert "trino." in error


@pytest.mark.parametrize("command", ["up", "status", "logs", "down", "env"])
def test_unknown_stack_is_refused_by_every_command(
    checkout: Checkout, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert commands.main(command, "prod", checkout) == 1
    assert "The stacks are: local" in capsys.readouterr().err


def test_down_of_what_was_never_up_waits_for_no_engine(
    checkout: Checkout, machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(*_: object) -> None:
        raise AssertionError("an engine was asked for")

    monkeypatch.setattr(session, "open_engine", build)
    monkeypatch.setenv("PULUMI_HOME", str(machine / "nobody"))
    assert commands.main("down", "local", checkout) == 0
    assert "does not have stack" in capsys.readouterr().err


def test_status_of_a_stack_that_is_down_says_how_to_start_it(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main("status", "local", checkout) == 0
    assert "make up" in capsys.readouterr().out


@pytest.mark.parametrize(("statement", "code"), [("exit(7)", 7), ("os.kill(os.getpid(), 9)", 128 + 9)])
def test_exit_code_of_the_engine_is_kept(tmp_path: Path, statement: str, code: int) -> None:
    outcome = run_foreground([sys.executable, "-c", f"import os; {statement}"], tmp_path, os.environ)
    assert outcome.code == code
    assert not outcome.interrupted


def test_signal_to_us_is_passed_on_and_remembered(tmp_path: Path) -> None:
    source = f"import os, signal; os.kill({os.getpid()}, signal.SIGTERM); signal.pause()"
    before = signal.getsignal(signal.SIGTERM)
    outcome = run_foreground([sys.executable, "-c", source], tmp_path, os.environ)
    assert outcome.code == 128 + signal.SIGTERM
    assert outcome.interrupted
    assert signal.getsignal(signal.SIGTERM) is before
