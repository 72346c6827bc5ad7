"""Resources from what the engine prints, and the command."""

import json
from pathlib import Path

import pytest

from infra.costs import from_deployment, from_events
from infra.costs.__main__ import main
from tests.infra.costs.stacks import component, previewed, provider, step


def test_a_component_is_the_outermost_ancestor_below_the_stack() -> None:
    inner = step("nebula:test:Component", "inner", {}, parent="outer")
    found = previewed(component("outer"), inner, step("aws:kms/key:Key", "key", {}, parent="inner"))
    assert {each.name: each.component for each in found} == {
        "outer": "outer",
        "inner": "outer",
        "key": "outer",
    }


def test_events_and_states_tell_the_same_as_a_preview() -> None:
    steps = [component("data"), step("aws:kms/key:Key", "key", {}, parent="data")]
    preview = previewed(*steps)
    events = [
        json.dumps({"resourcePreEvent": {"metadata": {"op": each["op"], "new": each["newState"]}}})
        for each in steps
    ]
    assert from_events(["{}", *events]) == preview
    assert from_deployment({"resources": [each["newState"] for each in steps]}) == preview


def test_the_command_prints_the_estimate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preview = tmp_path / "preview.json"
    steps = [provider("aws", "us-east-1"), step("aws:eks/cluster:Cluster", "cluster", {})]
    preview.write_text(json.dumps({"steps": steps}))
    assert main(["--preview", str(preview), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["total"] == "73.00"
    assert printed["no_price"] == []
    assert main(["--preview", str(preview), "--parked"]) == 0
    shown = capsys.readouterr().out
    assert "control plane" in shown
    assert "make down ends it" in shown
