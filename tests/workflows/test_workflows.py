"""What the workflows may do, whatever is changed in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.previews.document import MARKER
from tests.workflows.__main__ import ROOT, lint

WORKFLOWS = {path.name: path for path in (ROOT / ".github" / "workflows").glob("*.yml")}
CLOUD = ("deploy.yml", "scheduled.yml")


def _content(name: str) -> Any:
    # YAML 1.1 takes the key `on` for true.
    return yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))


def _jobs(name: str) -> Iterator[dict[str, Any]]:
    yield from _content(name)["jobs"].values()


def _steps(name: str) -> Iterator[dict[str, Any]]:
    for job in _jobs(name):
        yield from job["steps"]


def test_the_workflows_are_there() -> None:
    assert set(WORKFLOWS) == {"pull-request.yml", "comment.yml", "deploy.yml", "scheduled.yml"}


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_every_action_is_pinned_by_its_commit_with_its_version(name: str) -> None:
    used = re.findall(r"uses: (.*)", WORKFLOWS[name].read_text(encoding="utf-8"))
    assert len(used) == sum("uses" in step for step in _steps(name))
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_an_action_is_of_one_commit_everywhere() -> None:
    commits: dict[str, set[str]] = {}
    for name in WORKFLOWS:
        for step in _steps(name):
            if "uses" in step:
                action, _, commit = str(step["uses"]).partition("@")
                commits.setdefault("/".join(action.split("/")[:2]), set()).add(commit)
    assert {action: len(found) for action, found in commits.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_no_workflow_has_a_stored_secret_or_runs_a_forks_code_with_rights(name: str) -> None:
    text = WORKFLOWS[name].read_text(encoding="utf-8")
    assert "secrets." not in text
    assert "pull_request_target" not in text
    assert _content(name)["permissions"] in ({}, {"contents": "read"})


def test_what_runs_a_pull_requests_code_may_only_read() -> None:
    assert all("permissions" not in job and "environment" not in job for job in _jobs("pull-request.yml"))


def test_what_may_comment_runs_nothing_of_the_pull_request() -> None:
    assert [step for step in _steps("comment.yml") if "uses" in step] == []
    commands = "\n".join(step["run"] for step in _steps("comment.yml"))
    assert "${{" not in commands
    assert "git " not in commands
    assert "make" not in commands
    assert next(_jobs("comment.yml"))["env"]["MARKER"] == MARKER


@pytest.mark.parametrize("name", CLOUD)
def test_clouds_are_reached_by_openid_connect_one_run_for_each_stack(name: str) -> None:
    for job in _jobs(name):
        assert job["permissions"]["id-token"] == "write"
        assert str(job["environment"]).endswith(".stack }}")
        concurrency = job.get("concurrency") or _content(name)["concurrency"]
        assert re.fullmatch(r"stack-\$\{\{ (inputs|matrix)\.stack \}\}", concurrency["group"])
        assert concurrency["cancel-in-progress"] is False


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_every_target_that_a_workflow_makes_is_in_the_makefile(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = {
        target for step in _steps(name) for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))
    }
    assert used <= targets
    assert used or name == "comment.yml"


def test_actionlint_finds_nothing() -> None:
    ended = lint()
    assert (ended.returncode, ended.stdout) == (0, "")


def test_actionlint_finds_what_is_wrong(tmp_path: Path) -> None:
    wrong = WORKFLOWS["deploy.yml"].read_text(encoding="utf-8").replace("runs-on: ubuntu-24.04", "runs-on: 7")
    (tmp_path / "deploy.yml").write_text(wrong.replace("inputs.stack }}", "inputs.stak }}"))

    assert "stak" in lint(tmp_path).stdout
