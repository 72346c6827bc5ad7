"""A parked stack against mocks: the same resources, without compute."""

from collections.abc import Mapping
from typing import Any

from tests.infra import kubernetes_stack, local_stack
from tests.infra.kubernetes_stack import objects
from tests.mocked_program import Run

PARKED: Any = {"power": "parked"}


def kubernetes(size: str = "small", power: str = "on") -> Run:
    return kubernetes_stack.run({"size": size, "power": power})


def _specs(run: Run, *kinds: str) -> Mapping[str, Any]:
    found = objects(run)
    return {name: each.inputs["spec"] for name, each in found.items() if name.split("/")[0] in kinds}


def test_a_parked_stack_has_the_resources_of_one_that_is_on() -> None:
    for size in ("small", "production"):
        parked, on = kubernetes(size=size, **PARKED), kubernetes(size=size)
        assert set(parked.resources) == set(on.resources)


def test_every_workload_is_at_zero_and_no_task_runs() -> None:
    for size in ("small", "production"):
        parked = kubernetes(size=size, **PARKED)
        workloads = _specs(parked, "StatefulSet", "Deployment")
        assert {spec["replicas"] for spec in workloads.values()} == {0}
        jobs = _specs(parked, "Job")
        assert jobs
        assert {spec["suspend"] for spec in jobs.values()} == {True}


def test_a_job_that_waits_is_not_waited_for_and_not_made_anew() -> None:
    for name, each in objects(kubernetes(**PARKED)).items():
        if name.startswith("Job/"):
            assert each.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_everything_else_is_the_same_parked_or_on() -> None:
    def rest(run: Run) -> Mapping[str, Any]:
        kept = {}
        for name, each in objects(run).items():
            inputs = dict(each.inputs)
            if name.startswith(("StatefulSet/", "Deployment/", "Job/")):
                inputs["spec"] = {
                    key: value for key, value in inputs["spec"].items() if key not in {"replicas", "suspend"}
                }
                inputs["metadata"] = {**inputs["metadata"], "annotations": None}
            kept[name] = inputs
        return kept

    assert rest(kubernetes(**PARKED)) == rest(kubernetes())


def test_a_stack_that_is_on_says_nothing_of_parking() -> None:
    for spec in _specs(kubernetes(), "Job").values():
        assert "suspend" not in spec
    for each in local_stack.run().resources.values():
        assert each.inputs.get("parked") is None


def test_every_process_and_task_of_a_machine_is_parked_and_the_outputs_stay() -> None:
    on, parked = local_stack.run(), local_stack.run(**PARKED)
    assert set(parked.resources) == set(on.resources)
    kinds = {"nebula-local:index:Host", "nebula-local:index:Process", "nebula-local:index:Task"}
    for each in parked.resources.values():
        assert (each.inputs.get("parked") is True) == (each.type in kinds), each.urn
    assert parked.outputs == on.outputs
