"""The program itself, as plain `pulumi` runs it: what it refuses before anything else."""

import runpy
import shutil
import sys
from pathlib import Path

import pulumi
import pytest

from infra.cloud import provider_of
from infra.settings import Settings, SettingsError
from tests.mocked_program import run_program

_PROGRAM = Path(__file__).parents[2] / "infra" / "__main__.py"


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program puts its root first on the path."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def _run(program: Path, stack: str) -> None:
    def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    run_program(run, stack=stack)


def _refusal(stack: str) -> str:
    with pytest.raises(pulumi.RunError) as caught:
        _run(_PROGRAM, stack)
    return str(caught.value)


def test_a_template_is_no_stack() -> None:
    assert "say STACK=lab" in _refusal("lab.template")


def test_a_stack_without_a_file_is_told_where_to_start() -> None:
    assert "has no nebula:platform: start from stacks/" in _refusal("absent")


def test_a_clone_whose_path_holds_a_colon_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a:b" / "infra").mkdir(parents=True)
    elsewhere = tmp_path / "a:b" / "infra" / "__main__.py"
    shutil.copyfile(_PROGRAM, elsewhere)
    with pytest.raises(pulumi.RunError, match="The path of this clone"):
        _run(elsewhere, "local")


@pytest.mark.parametrize("stack", ["My-Lab", "my_lab", "lab-", "l" * 57])
def test_a_stack_after_which_no_namespace_can_be_called_is_refused(
    monkeypatch: pytest.MonkeyPatch, stack: str
) -> None:
    monkeypatch.setattr(pulumi, "get_stack", lambda: stack)
    with pytest.raises(SettingsError, match="what it makes is called nebula-"):
        provider_of(Settings(cloud="kubernetes"), Path("/checkout"))
