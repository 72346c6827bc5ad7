from pathlib import Path

import pytest

from tests.bench.fresh import FreshMachine, figures, steps

LINES = [
    (0.5, "Installing the Python packages of requirements.lock into .venv (once; a minute or two)..."),
    (40.0, "  0:30 writing the packages into .venv"),
    (50.5, "Building the Pulumi engine (once; about five minutes)..."),
    (60.5, "  0:10 compiling"),
    (300.0, "  done in 4:10"),
    (301.5, "Updating (local):"),
    (303.0, " +  pulumi:pulumi:Stack nebula-local creating (0s) "),
    (304.0, " +  nebula-local:index:Artifact minio creating (0s) "),
    (305.0, " +  nebula-local:index:Artifact minio creating (1s) fetching modules (12 MB, 3 MB/s)"),
    (404.0, " +  nebula-local:index:Artifact minio created (100s) "),
    (404.0, " +  nebula-local:index:Process object_store creating (0s) "),
    (404.5, " +  nebula-local:index:Secret object_store-root created (0.1s) "),
    (406.0, " +  nebula-local:index:Process object_store created (2s) "),
    (406.0, " +  nebula-local:index:Task object_store-buckets creating (0s) "),
    (409.0, " +  nebula-local:index:Task object_store-buckets created (3s) "),
    (410.0, "what runs"),
]


def test_each_step_is_timed_by_what_make_prints() -> None:
    assert steps(LINES) == {
        "packages": 50.0,
        "engine": 251.0,
        "artifact.minio": 100.0,
        "start.object_store": 2.0,
        "task.object_store-buckets": 3.0,
    }


def test_a_step_that_was_not_needed_has_no_figure() -> None:
    assert steps(line for line in LINES if "engine" not in line[1])["packages"] == 301.0


def test_a_step_that_failed_has_no_figure() -> None:
    assert "start.object_store" not in steps(line for line in LINES if "created (2s)" not in line[1])


def test_figures_are_shares_of_the_whole_longest_first() -> None:
    found = figures({"packages": 50.0, "engine": 250.0}, 500.0)
    assert [(row.name, row.ratio, row.aim) for row in found] == [
        ("fresh.engine", 0.5, None),
        ("fresh.packages", 0.1, None),
    ]


def test_a_failing_make_is_an_error_with_its_last_lines(tmp_path: Path) -> None:
    machine = FreshMachine(tmp_path, {})
    machine.checkout.mkdir()
    tmp_path.chmod(0o711)
    (machine.checkout / "Makefile").write_text("up:\n\t@echo half way; false\n")
    with pytest.raises(AssertionError, match="half way"):
        list(machine.make("up"))
