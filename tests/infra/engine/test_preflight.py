"""What is missing is said with its remedy."""

from pathlib import Path

from infra.engine import preflight


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
