"""In a parked stack nothing runs, and everything is kept."""

import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from providers.local.plugin import os_processes
from providers.local.plugin.properties import UNKNOWN, Properties
from providers.local.plugin.server_status import server_statuses
from providers.local.plugin.supervisor import ALIVE_STATES
from tests.providers.local.plugin.client import Plugin, Tracked

Inputs = Callable[..., Properties]
_PREPARE = [[sys.executable, "-c", "open(r'{data}/format', 'x').close()"]]


def test_a_parked_stack_runs_no_process_and_keeps_its_volume(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    web = Tracked(host_resource.plugin, "Process", server_inputs(hasVolume=True, prepare=_PREPARE))
    volume = web.create()["volume"]
    assert host_resource.diff(parked=True) == web.diff(parked=True) == ["parked"]
    assert web.preview(parked=True)["volume"] == volume
    host_resource.update(parked=True)
    assert web.update(parked=True)["volume"] == volume
    assert os_processes.marked_processes(directory) == set()
    assert (directory / "data/web/format").exists()
    assert [server.state for server in server_statuses(directory)] == ["PARKED"]
    assert host_resource.diff() == web.diff() == []

    host_resource.update(parked=None)
    assert web.update(parked=None)["volume"] == volume
    assert len(os_processes.marked_processes(directory, "web")) == 1
    assert {server.state for server in server_statuses(directory)} <= ALIVE_STATES
    assert host_resource.diff() == web.diff() == []


def test_servers_that_run_in_a_parked_stack_are_shown_and_ended(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    web = Tracked(host_resource.plugin, "Process", server_inputs())
    web.create()
    parked = {"parked": True}
    forgotten = Tracked(host_resource.plugin, "Host", {**host_resource.inputs, **parked}, host_resource.state)
    assert forgotten.diff() == ["supervisord"]
    assert Tracked(web.plugin, "Process", {**web.inputs, **parked}, web.state).diff() == ["state"]
    forgotten.update()
    assert os_processes.marked_processes(directory) == set()


def test_a_volume_lost_while_parked_is_shown(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    web = Tracked(host_resource.plugin, "Process", server_inputs(hasVolume=True, prepare=_PREPARE))
    volume = web.create()["volume"]
    host_resource.update(parked=True)
    web.update(parked=True)
    for path in (directory / "data/web").iterdir():
        path.unlink()
    assert web.diff() == ["volume"]
    assert web.update()["volume"] == ""
    assert web.diff() == []
    host_resource.update(parked=None)
    assert web.update(parked=None)["volume"] not in {"", volume}


def test_a_stack_that_begins_parked_starts_when_it_is_not(
    plugin: Plugin, host_inputs: Properties, server_inputs: Inputs, directory: Path
) -> None:
    host = Tracked(plugin, "Host", {**host_inputs, "parked": True})
    host.create()
    web = Tracked(plugin, "Process", server_inputs(hasVolume=True, prepare=_PREPARE, parked=True))
    assert web.create()["volume"] == ""
    assert host.diff() == web.diff() == []
    assert os_processes.marked_processes(directory) == set()
    assert web.preview(parked=None)["volume"] == UNKNOWN
    host.update(parked=None)
    assert web.update(parked=None)["volume"]


def test_ports_that_others_hold_do_not_hinder_a_parked_stack(
    host_resource: Tracked, server_inputs: Inputs, plugin: Plugin, host_inputs: Properties, directory: Path
) -> None:
    web = Tracked(host_resource.plugin, "Process", server_inputs())
    web.create()
    other = {
        **host_inputs,
        "directory": str(directory.with_name("other")),
        "ports": {"web.http": web.inputs["ports"]["http"]},
    }
    with pytest.raises(grpc.RpcError, match="is taken by"):
        Tracked(plugin, "Host", other).create()
    parked = Tracked(plugin, "Host", {**other, "parked": True})
    parked.create()
    parked.delete()


def test_a_task_that_has_run_does_not_run_again_after_parking(
    host_resource: Tracked, task_inputs: Inputs
) -> None:
    task = Tracked(host_resource.plugin, "Task", task_inputs())
    assert task.create()["result"] == {"runs": 1}
    for power in (True, None):
        assert task.preview(parked=power)["result"] == {"runs": 1}
        assert task.update(parked=power)["result"] == {"runs": 1}
        assert task.diff() == []
    assert task.update(triggers={"volume": "two"})["result"] == {"runs": 2}


def test_a_task_that_changed_while_parked_runs_afterwards(
    host_resource: Tracked, task_inputs: Inputs
) -> None:
    task = Tracked(host_resource.plugin, "Task", task_inputs())
    task.create()
    task.update(parked=True)
    assert task.preview(triggers={"volume": "two"})["result"] == {"runs": 1}
    assert task.update(triggers={"volume": "two"})["result"] == {"runs": 1}
    assert task.preview(parked=None)["result"] == UNKNOWN
    assert task.update(parked=None)["result"] == {"runs": 2}


def test_a_task_that_never_ran_runs_when_it_is_no_longer_parked(
    host_resource: Tracked, task_inputs: Inputs
) -> None:
    task = Tracked(host_resource.plugin, "Task", task_inputs(parked=True))
    assert task.preview()["result"] == {}
    assert task.create()["result"] == {}
    assert task.preview(parked=None)["result"] == UNKNOWN
    assert task.update(parked=None)["result"] == {"runs": 1}
