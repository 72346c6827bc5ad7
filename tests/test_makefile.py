"""The Makefile's switches: what is neither on nor off is refused before anything is done."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SWITCHES = (
    "KEEP_DATA",
    "NEBULA_KEEP_DATA",
    "DELETE",
    "DRY_RUN",
    "FOLLOW",
    "DIFF",
    "FRESH",
    "LONG",
    "UPGRADE",
    "REAL_PLUGINS",
)


def make(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    given = {
        name: value
        for name, value in os.environ.items()
        if name not in SWITCHES and not name.startswith("MAKE")
    }
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=given | environment, capture_output=True, text=True, check=False
    )


def kept(*arguments: str, **environment: str) -> str:
    """NEBULA_KEEP_DATA as a recipe of the Makefile gets it."""
    shown = make("-s", '--eval=show: ; @echo "[$$NEBULA_KEEP_DATA]"', "show", *arguments, **environment)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.strip()


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("value", ["yes", "true", "11", "1 1", "on"])
def test_a_switch_that_is_neither_on_nor_off_is_refused_before_anything_is_done(
    switch: str, value: str
) -> None:
    for refused in (make("-n", "down", f"{switch}={value}"), make("-n", "down", **{switch: value})):
        assert refused.returncode != 0
        assert f"{switch}={value}" in refused.stderr
        assert f"{switch}=1" in refused.stderr
        assert refused.stdout == ""


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_is_on_off_or_not_given(switch: str) -> None:
    for value in ("1", "0", ""):
        assert make("-n", "help", f"{switch}={value}").returncode == 0


def test_keep_data_reaches_the_command() -> None:
    assert kept("KEEP_DATA=1") == "[1]"
    assert kept(KEEP_DATA="1") == "[1]"
    assert kept("KEEP_DATA=0") == "[0]"
    assert kept() == "[]"


def test_an_exported_keep_data_holds_until_another_is_said() -> None:
    assert kept(NEBULA_KEEP_DATA="1") == "[1]"
    assert kept("KEEP_DATA=", NEBULA_KEEP_DATA="1") == "[1]"
    assert kept("KEEP_DATA=0", NEBULA_KEEP_DATA="1") == "[0]"


_PIP = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p .venv/bin && printf '#!/bin/sh\\n%s\\n' '{pip}' > .venv/bin/python && chmod +x .venv/bin/python
else
    exec {python} "$@"
fi
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` needs to install the packages, in a clone without `.venv`."""
    for name in ("Makefile", "requirements.lock", "infra/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "infra" / "engine").mkdir()
    for name in ("__init__.py", "preflight.py", "install_packages.py", "console.py"):
        shutil.copyfile(ROOT / "infra" / "engine" / name, tmp_path / "infra" / "engine" / name)
    return tmp_path


def installed(clone: Path, pip: str) -> "subprocess.CompletedProcess[str]":
    """Makes `.venv` with the shell command `pip` in the place of pip."""
    python = clone / "python"
    python.write_text(_PIP.format(pip=pip, python=sys.executable))
    python.chmod(0o755)
    return subprocess.run(
        ["make", ".venv/installed", f"PYTHON={python}", f"CACHE={ROOT}"],
        cwd=clone, capture_output=True, text=True, check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )  # fmt: skip


def test_packages_are_installed_without_pip_s_output_and_once(clone: Path) -> None:
    made = installed(clone, "for i in 1 2 3; do echo Collecting $i; done")
    assert made.returncode == 0, made.stderr
    assert made.stdout == ""
    assert "Collecting 1" not in made.stderr
    assert (clone / ".venv" / "install.log").read_text().count("Collecting") == 3
    assert "up to date" in installed(clone, "exit 1").stdout


def test_a_failed_installation_is_done_again(clone: Path) -> None:
    failed = installed(clone, "echo no such host; exit 3")
    assert failed.returncode != 0
    assert ".venv/install.log" in failed.stderr
    assert "no such host" in failed.stderr
    assert "Error 3" in failed.stderr
    assert not (clone / ".venv" / "installed").exists()
    assert installed(clone, "true").returncode == 0
    assert (clone / ".venv" / "installed").exists()


def test_tests_that_a_target_names_are_there() -> None:
    """A module that was renamed would move to another target unseen."""
    show = "show: ; @echo $(KUBERNETES_TESTS) $(LONG_TESTS) $(REAL_TESTS)"
    named = make("-s", f"--eval={show}", "show").stdout.split()
    assert "tests/e2e" in named
    assert [path for path in named if not (ROOT / path).exists()] == []
