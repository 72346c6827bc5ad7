"""What `make preview` and `make up` say of costs, with the real engine and a provider that stands in."""

import json
import shutil
import textwrap
from pathlib import Path

import pytest

from infra.costs.__main__ import main
from infra.engine.session import open_session
from tests.infra.engine.cloud_project import enter
from tests.infra.engine.conftest import ROOT, Project

_PROGRAM = """
import pulumi

class Billed(pulumi.CustomResource):
    def __init__(self, kind, name, inputs):
        super().__init__(f"aws:{kind}", name, {"until": "/dev/null", **inputs})

Billed("eks/cluster:Cluster", "cluster", {})
Billed("rds/instance:Instance", "postgres", {"instanceClass": "db.x9.huge", "allocatedStorage": 100})
"""


@pytest.fixture
def billed(project: Project) -> Project:
    """A project whose stack says that it is on a cloud; its plugin accepts everything and makes nothing."""
    plugin = project.checkout.root / "plugin"
    shutil.copytree(ROOT / "tests/infra/engine/slow", plugin, ignore=shutil.ignore_patterns("__pycache__"))
    (plugin / "pulumi-resource-slow").rename(plugin / "pulumi-resource-aws")
    description = project.checkout.root / "Pulumi.yaml"
    entry = f'    - name: aws\n      path: "{plugin}"\n'
    description.write_text(description.read_text() + entry)
    template = project.checkout.stacks / "Pulumi.local.template.yaml"
    template.write_text(template.read_text().replace("cloud: local", "cloud: aws"))
    project.program(textwrap.dedent(_PROGRAM))
    return project


def test_preview_and_up_end_with_what_the_stack_costs(billed: Project) -> None:
    for command in ("preview", "up", "preview"):
        result = billed.run(command)
        assert result.code == 0, result.output
        # Control plane 730 × 0.10 = 73.00, storage 100 × 0.115 = 11.50: together 84.50.
        for part in ("control plane", "73.00", "11.50", "84.50", "no price of rds/db.x9.huge"):
            assert part in result.output, (command, part, result.output)


def test_a_stack_that_no_cloud_bills_says_nothing_of_costs(project: Project) -> None:
    project.program("import pulumi\n")
    result = project.run("preview")
    assert result.code == 0, result.output
    assert "USD" not in result.output


def test_an_unchanged_plan_costs_what_it_does_or_says_that_it_is_not_whole(
    billed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The engine's JSON leaves out what does not change, unless it is asked for that."""
    assert billed.run("up").code == 0
    enter(billed, monkeypatch)
    session = open_session("local", billed.checkout)
    plan = tmp_path / "plan.json"
    plan.write_text(session.ask("preview", "--json", "--stack", "local"))
    capsys.readouterr()
    assert main(["--preview", str(plan)]) == 1
    told = capsys.readouterr()
    assert (told.out, "make it with --show-sames" in told.err) == ("", True)

    plan.write_text(session.ask("preview", "--json", "--show-sames", "--stack", "local"))
    assert main(["--preview", str(plan), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == "84.50"
