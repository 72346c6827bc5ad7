"""What is missing is said with its remedy."""

import shutil
import subprocess
from pathlib import Path

import pytest

from infra.engine import preflight
from tests.infra.engine.conftest import ROOT


def test_too_little_space_names_the_disk_and_the_remedy(tmp_path: Path) -> None:
    (problem,) = preflight.space_problems(tmp_path / "not" / "there", 2**70)
    assert str(tmp_path) in problem
    assert "XDG_CACHE_HOME" in problem


def test_enough_space_is_no_problem(tmp_path: Path) -> None:
    assert preflight.space_problems(tmp_path, 0) == []


def test_this_python_will_do() -> None:
    assert preflight.python_problems() == []


def test_error_lists_every_problem() -> None:
    message = str(preflight.PreflightError(["no Go", "no Java"]))
    assert message.splitlines()[1:] == ["  - no Go", "  - no Java"]


@pytest.mark.parametrize("name", ["a:b", "a\nb", "a ;b", "a #b"])
def test_a_path_that_would_be_two_is_refused_with_the_remedy(tmp_path: Path, name: str) -> None:
    with pytest.raises(preflight.PreflightError, match=r"The path of this clone.*move it"):
        preflight.check_paths(tmp_path / name, tmp_path)
    with pytest.raises(preflight.PreflightError, match=r"The path of the cache.*XDG_CACHE_HOME"):
        preflight.check_paths(tmp_path, tmp_path / name)


@pytest.mark.parametrize("name", ["a clone", "ü", "a;b", "C#", "100%", "a'b"])
def test_a_path_of_other_characters_is_taken(tmp_path: Path, name: str) -> None:
    preflight.check_paths(tmp_path / name, tmp_path)


def test_make_refuses_a_clone_whose_path_holds_a_colon_before_it_makes_anything(tmp_path: Path) -> None:
    clone = tmp_path / "a:b"
    (clone / "infra" / "engine").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "infra/engine/preflight.py"):
        shutil.copyfile(ROOT / name, clone / name)
    made = subprocess.run(["make", "status"], cwd=clone, capture_output=True, text=True, check=False)
    assert made.returncode != 0
    assert "The path of this clone" in made.stderr
    assert not (clone / ".venv").exists()
