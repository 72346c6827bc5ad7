"""Resources from what the engine prints, and the command."""

import json
from pathlib import Path

import pytest

from infra.costs import from_deployment, from_events, from_preview
from infra.costs.__main__ import main
from infra.costs.resources import IncompleteError
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


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--preview", '{"steps": [], "changeSummary": {"same": 61}}', "leaves out 61 resources"),
        ("--preview", '{"steps": [], "diagnostics": [{"severity": "error"}]}', "The preview failed"),
        ("--preview", '{"steps": []}', "The file holds no resource."),
        ("--preview", "{}", "The file holds no resource."),
        ("--preview", "[]", "not a JSON object"),
        ("--preview", "Previewing update (dev):", "The file is not JSON"),
        ("--preview", "", "The file is not JSON"),
        ("--events", "", "The file holds no resource."),
        ("--events", "Previewing", "The file is not JSON"),
        ("--state", '{"deployment": null}', "The file holds no resource."),
        ("--state", "null", "not a JSON object"),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_sum_is_printed_of_what_holds_no_whole_stack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, text: str, said: str, form: list[str]
) -> None:
    given = tmp_path / "given"
    given.write_text(text)
    assert main([option, str(given), *form]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_a_preview_that_changes_a_part_leaves_out_the_rest() -> None:
    document = {
        "steps": [step("aws:kms/key:Key", "key", {}, op="update")],
        "changeSummary": {"same": 2, "update": 1},
    }
    with pytest.raises(IncompleteError, match=r"leaves out 2 resources .* --show-sames"):
        from_preview(document)


def test_a_whole_preview_of_an_unchanged_stack_is_estimated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [
        step("pulumi:providers:aws", "aws", {"region": "us-east-1"}, op="same"),
        step("aws:eks/cluster:Cluster", "cluster", {}, op="same"),
    ]
    given = tmp_path / "preview.json"
    given.write_text(json.dumps({"steps": steps, "changeSummary": {"same": 2}}))
    assert main(["--preview", str(given), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == "73.00"
