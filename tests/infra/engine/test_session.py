"""What the engine answers about a stack in a backend of the user's own."""

import json
from pathlib import Path

import pytest

from infra import sweep
from infra.engine.session import directory_of
from tests.infra.engine.cloud_project import enter, write
from tests.infra.engine.conftest import Project

pytestmark = pytest.mark.e2e


@pytest.fixture
def backend(project: Project, tmp_path: Path) -> Path:
    """A file backend of the user's own."""
    path = tmp_path / "backend"
    path.mkdir()
    project.environment |= {"PULUMI_BACKEND_URL": path.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "p"}
    return path


@pytest.mark.parametrize("command", ["down", "drift"])
def test_a_stack_that_the_backend_does_not_have_is_no_failure(
    project: Project, backend: Path, command: str
) -> None:
    ended = project.run(command)
    assert ended.code == 0, ended.output


@pytest.mark.parametrize("command", ["down", "drift"])
def test_a_backend_that_does_not_answer_is_a_failure_and_no_empty_one(
    project: Project, backend: Path, command: str
) -> None:
    project.program("import pulumi")
    assert (made := project.run("up")).code == 0, made.output
    (volume := directory_of(project.checkout, "local") / "data").mkdir(parents=True)
    owner = {"checkout": str(project.checkout.root), "stack": "local", "created": []}
    (recorded := volume.with_name("owner.json")).write_text(json.dumps(owner))
    recorded.chmod(0o600)
    backend.rename(backend.with_name("away"))
    ended = project.run(command)
    assert ended.code == 1
    assert "pulumi stack select local" in ended.output
    assert "nothing can have drifted" not in ended.output
    assert volume.exists()


def test_a_sweep_does_not_take_a_backend_that_does_not_answer_for_an_empty_state(
    project: Project, backend: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    backend.rmdir()
    enter(project, monkeypatch)
    write(project, "dev", {"cloud": "aws", "aws": {"region": "eu-central-1", "account_id": "123456789012"}})
    assert sweep.main(["--stack", "dev"], project.checkout) == 1
    assert "pulumi stack select dev" in capfd.readouterr().err
