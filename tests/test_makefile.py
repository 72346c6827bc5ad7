"""The Makefile's switches: what is neither on nor off is refused before anything is done."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SWITCHES = ("KEEP_DATA", "NEBULA_KEEP_DATA", "DELETE", "DRY_RUN", "FOLLOW", "DIFF", "FRESH", "LONG")


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


def test_tests_that_a_target_names_are_there() -> None:
    """A module that was renamed would move to another target unseen."""
    show = "show: ; @echo $(KUBERNETES_TESTS) $(LONG_TESTS) $(REAL_TESTS)"
    named = make("-s", f"--eval={show}", "show").stdout.split()
    assert "tests/e2e" in named
    assert [path for path in named if not (ROOT / path).exists()] == []
