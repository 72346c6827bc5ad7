"""Every command ends with an exit code and a sentence, never with a traceback."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import images, lifetime, sweep
from infra.costs import __main__ as costs
from infra.engine import commands
from infra.engine.checkout import HERE, Checkout
from infra.engine.ending import ended
from infra.previews import __main__ as previews

ROOT = Path(__file__).resolve().parents[3]
Main = Callable[[], int]


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("interrupted", "main"),
    [
        ("infra.engine.session.open_session", lambda: sweep.main(["--stack", "aws-dev"])),
        ("infra.lifetime.expired", lambda: lifetime.main(["--dry-run"])),
        ("infra.lifetime.expired", lambda: lifetime.main([])),
        ("infra.images.settings_of", lambda: images.main([])),
        ("infra.costs.__main__.estimate", lambda: costs.main(["--state", "state.json"])),
        ("infra.costs.__main__.json.loads", lambda: costs.main(["--state", "state.json"])),
        ("infra.previews.__main__.reports", lambda: previews.main([])),
        ("infra.engine.stacks.ensure", lambda: commands.main("up", "local")),
    ],
)
def test_a_ctrl_c_ends_a_command_with_130_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, interrupted: str, main: Main
) -> None:
    resource = {"urn": "urn:pulumi:s::p::t::n", "type": "t", "custom": True}
    (tmp_path / "state.json").write_text(json.dumps({"deployment": {"resources": [resource]}}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(interrupted, interrupt)
    assert main() == 130


@pytest.mark.parametrize(
    ("module", "code"),
    [("infra.costs", 1), ("infra.sweep", 1), ("infra.lifetime", 1), ("infra.images", 1), ("infra.engine", 1)],
)
def test_a_closed_input_is_an_empty_one(module: str, code: int) -> None:
    arguments = {"infra.costs": "--state -", "infra.engine": "down --stack nowhere"}
    command = f"{shlex.quote(sys.executable)} -m {module} {arguments.get(module, '--stack nowhere')} <&-"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_program_that_a_command_starts_has_an_empty_input_and_no_file_of_ours() -> None:
    """Without, the first file that we open would be its standard input."""
    source = """if True:
        import os, subprocess
        from infra.engine.checkout import HERE
        from infra.engine.ending import ended
        ended(lambda: subprocess.run(["cat"], check=True).returncode, HERE)
        print(os.readlink("/proc/self/fd/0"))
    """
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(source)} <&-"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "/dev/null\n", "")


def test_what_another_user_s_run_left_in_the_clone_is_named_with_the_command_that_mends_it(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.home.mkdir(parents=True)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    def denied() -> int:
        raise PermissionError(13, "Permission denied", str(checkout.home / "credentials.json"))

    assert ended(denied, checkout) == 1
    said = capsys.readouterr().err
    assert f"{checkout.private} belongs to " in said
    command = shlex.split(said.partition("over: ")[2])
    assert command == ["sudo", "chown", "-R", "$(id -u):$(id -g)", str(checkout.private)]


@pytest.mark.parametrize("path", ["/etc/shadow", None])
def test_a_denial_elsewhere_is_not_taken_for_another_user_s_run(path: str | None) -> None:
    def denied() -> int:
        raise PermissionError(13, "Permission denied", path)

    with pytest.raises(PermissionError):
        ended(denied, HERE)
