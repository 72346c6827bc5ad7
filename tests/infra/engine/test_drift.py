"""`drift`, run by the real engine against a provider whose resource may vanish."""

from pathlib import Path

import pytest

from tests.infra.engine.conftest import Project

pytestmark = pytest.mark.e2e


def test_what_vanished_is_drift_and_nothing_is_changed(project: Project, tmp_path: Path) -> None:
    until = tmp_path / "there"
    until.touch()
    project.program(
        f"""
        import pulumi

        pulumi.CustomResource("slow:index:Slow", "it", {{"until": {str(until)!r}}})
        """
    )
    assert project.run("drift").code == 0, "a stack that is not there has not drifted"
    assert project.run("up").code == 0
    unchanged = project.run("drift")
    assert unchanged.code == 0, unchanged.output

    until.with_suffix(".gone").touch()
    for _ in range(2):  # nothing was repaired by looking
        drifted = project.run("drift")
        assert drifted.code != 0
        assert "slow:index:Slow" in drifted.output
