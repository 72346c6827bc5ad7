"""Installing the packages of `.venv`: one line of progress, a log, pip's exit code. Each pip is a fake."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.engine.install_packages import step
from tests.infra.engine.conftest import ROOT
from tests.providers.local.plugin.client import until

_LOCK = "".join(f"package-{number}==1.0 \\\n    --hash=sha256:00\n" for number in range(3))
_NOISY = """\
for number in $(seq 100); do echo "Collecting package-$number==1.0 (from -r x)"; done
echo; echo "Installing collected packages: package-1"; echo "the last line" >&2
"""


def _started(tmp_path: Path, script: str, stderr: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    """The program with a shell script in the place of pip."""
    lock = tmp_path / "requirements.lock"
    lock.write_text(_LOCK)
    command = ["-m", "infra.engine.install_packages", str(lock), str(_log(tmp_path)), "sh", "-c", script]
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )


def _log(tmp_path: Path) -> Path:
    return tmp_path / ".venv" / "install.log"


def _ended(tmp_path: Path, script: str) -> tuple[int, str]:
    installer = _started(tmp_path, script)
    out, err = installer.communicate(timeout=60)
    assert out == ""
    return installer.returncode, err


def test_an_installation_prints_its_title_and_its_end_and_keeps_all_else_in_the_log(tmp_path: Path) -> None:
    code, said = _ended(tmp_path, _NOISY)
    assert code == 0
    title, *steps, end = said.splitlines()
    assert title == "Installing the Python packages of requirements.lock (once; a minute or two)..."
    assert len(steps) <= 1
    assert end.startswith("  done in 0:0")
    logged = _log(tmp_path).read_text().splitlines()
    assert len(logged) == 103
    assert logged[-1] == "the last line"


def test_a_failed_installation_has_the_exit_code_of_pip_and_names_the_log_with_its_last_lines(
    tmp_path: Path,
) -> None:
    code, said = _ended(tmp_path, f"{_NOISY}\nexit 7")
    assert code == 7
    assert "done in" not in said
    assert "pip ended with 7" in said
    assert f"whole log is {_log(tmp_path)}" in said
    assert "the last line" in said
    assert "package-100=" in said
    assert "package-1=" not in said


def test_a_terminal_has_one_line_that_is_written_over(tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    installer = _started(tmp_path, f"{_NOISY}\nsleep 1", stderr=end)
    os.close(end)
    said = b""
    try:
        while part := os.read(terminal, 4096):
            said += part
    except OSError:  # Linux says that the other end is closed by EIO.
        pass
    os.close(terminal)
    installer.communicate(timeout=60)
    assert installer.returncode == 0
    assert said.count(b"\n") == 2
    assert said.count(b"\r\x1b[K  0:0") >= 2
    assert b"writing the packages into .venv" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_installation_ends_pip_as_well(tmp_path: Path, number: signal.Signals) -> None:
    installer = _started(tmp_path, "echo $$; exec sleep 600")
    until(lambda: _log(tmp_path).exists() and _log(tmp_path).read_text().endswith("\n"))
    child = int(_log(tmp_path).read_text())
    installer.send_signal(number)
    _, said = installer.communicate(timeout=60)
    assert installer.returncode == 130
    assert "Interrupted" in said
    assert not psutil.pid_exists(child)


def test_a_step_counts_what_was_fetched_of_the_lock() -> None:
    assert step("", 3) == "starting pip"
    collecting = "Collecting a==1 (from x)\n  Downloading a-1.whl\nCollecting psycopg-binary==3.3 (from x)\n"
    assert step(collecting, 3) == "fetching 2 of 3 packages: psycopg-binary"
    assert step(f"{collecting}Installing collected packages: a", 3) == "writing the packages into .venv"
