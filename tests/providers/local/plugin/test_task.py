"""Tasks run to completion, run again when their inputs change, and never run twice at once."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from providers.local.plugin import os_processes
from providers.local.plugin.properties import UNKNOWN, Properties
from tests.providers.local.plugin.client import Tracked, failure, in_background, until


def test_a_task_runs_once_and_again_when_a_trigger_changes(
    host_resource: Tracked, task_inputs: Callable[..., Properties]
) -> None:
    task = Tracked(host_resource.plugin, "Task", task_inputs())
    assert task.preview()["result"] == UNKNOWN
    assert task.create()["result"] == {"runs": 1}
    assert task.diff() == []
    assert task.diff(triggers={"volume": "two"}) == ["triggers.volume"]
    assert task.update(triggers={"volume": "two"})["result"] == {"runs": 2}
    assert any("counted" in message for message in host_resource.plugin.log.messages)


def test_a_failed_task_shows_its_last_lines_without_secrets(
    host_resource: Tracked, task_inputs: Callable[..., Properties]
) -> None:
    code = "import os, sys; sys.exit('refused with ' + os.environ['PASSWORD'])"
    task = Tracked(host_resource.plugin, "Task", task_inputs(code, secretEnv={"PASSWORD": "sentinel-4711"}))
    with pytest.raises(grpc.RpcError) as raised:
        task.create()
    assert "refused with [secret]" in failure(raised.value)
    assert "sentinel-4711" not in failure(raised.value) + "".join(host_resource.plugin.log.messages)


def test_a_task_without_result_gives_an_empty_object(
    host_resource: Tracked, task_inputs: Callable[..., Properties]
) -> None:
    assert Tracked(host_resource.plugin, "Task", task_inputs("pass")).create()["result"] == {}


def test_a_result_that_is_no_object_is_refused(
    host_resource: Tracked, task_inputs: Callable[..., Properties]
) -> None:
    code = "import os; open(os.environ['NEBULA_RESULT'], 'w').write('[1]')"
    with pytest.raises(grpc.RpcError) as raised:
        Tracked(host_resource.plugin, "Task", task_inputs(code)).create()
    assert "not a JSON object" in failure(raised.value)


def test_a_timeout_ends_the_whole_group(
    host_resource: Tracked, task_inputs: Callable[..., Properties], directory: Path
) -> None:
    code = "import subprocess; subprocess.run(['sleep', '1000'])"
    with pytest.raises(grpc.RpcError) as raised:
        Tracked(host_resource.plugin, "Task", task_inputs(code, timeout=1)).create()
    assert "within 1 s" in failure(raised.value)
    assert not os_processes.marked_processes(directory, "job")


def test_an_orphan_of_an_earlier_run_is_ended_first(
    host_resource: Tracked, task_inputs: Callable[..., Properties], directory: Path
) -> None:
    environment = {"NEBULA_STACK_DIRECTORY": str(directory), "NEBULA_WORKLOAD": "job"}
    orphan = subprocess.Popen(["/bin/sleep", "1000"], env=environment, start_new_session=True)
    until(
        lambda: orphan.pid in os_processes.marked_processes(directory, "job")
    )  # a moment after it was started
    Tracked(host_resource.plugin, "Task", task_inputs()).create()
    assert orphan.poll() is not None


def test_cancel_ends_a_running_task(
    host_resource: Tracked, task_inputs: Callable[..., Properties], directory: Path
) -> None:
    task = Tracked(host_resource.plugin, "Task", task_inputs("import time; time.sleep(1000)"))
    outcome = in_background(task.create)
    until(lambda: bool(os_processes.marked_processes(directory, "job")))
    host_resource.plugin.cancel()
    assert "cancelled" in outcome.get(timeout=60)
    assert not os_processes.marked_processes(directory, "job")


def test_a_result_may_nest(host_resource: Tracked, task_inputs: Callable[..., Properties]) -> None:
    value = {"tables": [{"name": "flights", "rows": 336776}], "ok": True, "note": None, "share": 0.5}
    code = f"import os; open(os.environ['NEBULA_RESULT'], 'w').write({json.dumps(value)!r})"
    assert Tracked(host_resource.plugin, "Task", task_inputs(code)).create()["result"] == value
