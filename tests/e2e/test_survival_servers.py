"""Servers die, are stopped or edited, or lose their data, and supervisord dies."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis
from minio.error import MinioException
from nats.errors import Error as NatsError
from urllib3.exceptions import HTTPError

from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.supervisor import Supervisor
from tests.e2e import light, machine
from tests.e2e.footprint import killing_servers
from tests.e2e.light import LIGHT, PROGRAMS, Kept
from tests.e2e.stack import Stack
from tests.providers.local.plugin.client import until

_NOT_YET = (psycopg.OperationalError, redis.ConnectionError, MinioException, HTTPError, NatsError, OSError)
"""The errors that clients raise while a server restarts."""


@dataclass
class Light:
    stack: Stack
    marks: Mapping[str, Kept]

    @property
    def directory(self) -> Path:
        return self.stack.directory

    def pids(self) -> dict[str, int]:
        return {name: machine.pid_of(self.directory, PROGRAMS[name]) for name in LIGHT}

    def runs_once(self) -> bool:
        return machine.servers_of(self.directory) == light.expected(*LIGHT)


@pytest.fixture(scope="module")
def running(scratch_directory: Path, port_offset: int) -> Iterator[Light]:
    """The light stack, with a mark in every server."""
    stack = Stack("light", scratch_directory, light.settings(*LIGHT), port_offset)
    try:
        stack.up()
        found = Light(stack, light.marks(stack, *LIGHT))
        for name, mark in found.marks.items():
            mark.write(f"kept in {name}")
        yield found
    finally:
        stack.remove()


@pytest.fixture(autouse=True)
def _nobody_takes_a_footprint() -> Iterator[None]:
    with killing_servers():
        yield


def keeps(running: Light, component: str) -> Callable[[], bool]:
    """Return a condition that is true once the component's server answers with the text written to it."""

    def answer() -> bool:
        try:
            return running.marks[component].read() == f"kept in {component}"
        except _NOT_YET:
            return False

    return answer


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{pid}"))


@pytest.mark.parametrize("component", LIGHT)
def test_a_killed_server_is_back_with_its_data(running: Light, component: str) -> None:
    others = {name: pid for name, pid in running.pids().items() if name != component}
    before = machine.pid_of(running.directory, PROGRAMS[component])
    os.kill(before, signal.SIGKILL)
    until(lambda: machine.pid_of(running.directory, PROGRAMS[component]) not in {0, before})
    until(keeps(running, component))
    after = running.pids()
    assert {name: after[name] for name in others} == others
    until(running.runs_once)


def test_nothing_is_left_to_do_after_restarts(running: Light) -> None:
    assert running.stack.preview().changes == {}


@pytest.mark.parametrize("records", ["kept", "lost"])
def test_a_killed_supervisord_doubles_no_server(running: Light, records: str) -> None:
    """With its records lost, the servers are orphans that hold the stack's ports."""
    kill(machine.pid_of(running.directory, machine.SUPERVISORD))
    assert machine.servers_of(running.directory) == light.expected(*LIGHT) - Counter([machine.SUPERVISORD])
    if records == "lost":
        layout = StackDirectory(running.directory)
        shutil.rmtree(layout.supervisord_folder / "records")
        layout.control_socket.unlink()
    shown = running.stack.preview().changes
    assert {"Host::local", *(f"Process::{name}" for name in LIGHT)} == shown.keys()
    assert set(shown.values()) == {"update"}
    running.stack.up()
    assert running.runs_once()
    # The object store opens its console a moment after it is ready.
    ports = light.ports(running.stack.port_offset)
    until(lambda: set(machine.listening(ports)) == set(ports))
    for component in LIGHT:
        assert keeps(running, component)()
    assert running.stack.preview().changes == {}


def test_only_what_was_damaged_is_shown_and_repaired(running: Light) -> None:
    """redis is stopped for good, nats' configuration edited, the object store's volume removed."""
    before = running.pids()
    Supervisor(StackDirectory(running.directory)).stop_program("redis", 10)
    configuration = running.directory / "run" / "nats" / "nats.conf"
    written = configuration.read_text()
    configuration.write_text(f"{written}\nmax_payload: 4MB\n")
    shutil.rmtree(running.directory / "data" / "object_store")
    damaged = {"Process::redis", "Process::nats", "Process::object_store", "Task::object_store-buckets"}

    shown = running.stack.preview().changes
    assert shown == dict.fromkeys(damaged, "update")
    repaired = running.stack.up().changes
    assert repaired == shown
    assert configuration.read_text() == written
    assert running.pids()["postgres"] == before["postgres"]
    assert running.runs_once()
    for component in ("postgres", "redis", "nats"):
        assert keeps(running, component)()
    running.marks["object_store"].write("filled again")
    assert running.marks["object_store"].read() == "filled again"
    assert running.stack.preview().changes == {}


def test_a_lost_database_is_filled_again(running: Light) -> None:
    shutil.rmtree(running.directory / "data" / "postgres")
    changes = running.stack.up().changes
    assert changes == dict.fromkeys(("Process::postgres", "Task::postgres-databases"), "update")
    running.marks["postgres"].write("new")
    assert running.marks["postgres"].read() == "new"
    assert running.stack.preview().changes == {}
