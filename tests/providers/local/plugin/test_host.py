"""A stack's directory is checked before anything starts, used by one engine at a time, and removed
completely."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import psutil
import pytest

from providers.local.plugin import os_processes, stack_removal
from providers.local.plugin.errors import SupervisorError
from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.properties import Properties
from providers.local.plugin.server_status import log_path, server_statuses
from providers.local.plugin.supervisor import Supervisor
from tests.providers.local.plugin.client import Plugin, Tracked, failure, until
from tests.providers.local.plugin.conftest import OWNER, free_port

Inputs = Callable[..., Properties]
Start = Callable[..., Plugin]


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")],  # noqa: S104
)
def test_a_taken_port_is_named_with_its_owner_and_nothing_starts(
    plugin: Plugin, host_inputs: Properties, directory: Path, family: socket.AddressFamily, address: str
) -> None:
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        port = listener.getsockname()[1]
        host = Tracked(plugin, "Host", {**host_inputs, "ports": {"trino.http": port}})
        assert host.check() == []
        host.preview()
        with pytest.raises(grpc.RpcError) as raised:
            host.create()
    program = psutil.Process().cmdline()[0]
    for part in (str(port), "trino", f"pid {os.getpid()}: {program}", "port_offset"):
        assert part in failure(raised.value)
        assert part in plugin.log.messages[0]
    assert not directory.exists()


def test_a_free_port_passes(plugin: Plugin, host_inputs: Properties) -> None:
    Tracked(plugin, "Host", {**host_inputs, "ports": {"trino.http": free_port()}}).create()


def test_a_port_that_was_taken_from_a_dead_server_is_shown_by_diff(host_resource: Tracked) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ports = {"trino.http": listener.getsockname()[1]}
        host_resource.inputs["ports"] = ports
        assert host_resource.diff() == ["ports"]
        with pytest.raises(grpc.RpcError, match="trino"):
            host_resource.update()
    assert host_resource.diff() == []


def test_ports_of_the_running_stack_pass_and_its_orphans_too(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    web = Tracked(host_resource.plugin, "Process", server_inputs())
    web.create()
    host_resource.inputs["ports"] = {"web.http": web.inputs["ports"]["http"]}
    assert host_resource.diff() == []
    identity = Supervisor(StackDirectory(directory)).identity()
    assert identity
    os.kill(identity.pid, signal.SIGKILL)
    until(lambda: not identity.is_alive())
    assert host_resource.diff() == ["supervisord"]
    host_resource.update()


def test_a_path_too_long_for_a_socket_is_refused(plugin: Plugin, host_inputs: Properties) -> None:
    directory = f"{host_inputs['directory']}/{'x' * 100}"
    (problem,) = Tracked(plugin, "Host", {**host_inputs, "directory": directory}).check()
    assert "too long" in problem


def test_two_engines_at_once_are_refused_and_the_second_changes_nothing(
    host_resource: Tracked,
    start_plugin: Start,
    host_inputs: Properties,
    server_inputs: Inputs,
    directory: Path,
) -> None:
    second = start_plugin()
    for resource in (Tracked(second, "Host", host_inputs), Tracked(second, "Process", server_inputs())):
        with pytest.raises(grpc.RpcError) as raised:
            resource.create()
        assert f"pid {host_resource.plugin.process.pid}" in failure(raised.value)
    assert not (directory / "run/web").exists()
    host_resource.plugin.stop()
    Tracked(second, "Host", host_inputs).create()


def test_create_again_adopts_supervisord(host_resource: Tracked, directory: Path) -> None:
    supervisor = Supervisor(StackDirectory(directory))
    before = supervisor.identity()
    host_resource.create()
    assert before
    assert supervisor.identity() == before
    assert host_resource.diff() == []


def test_a_supervisord_without_record_or_socket_is_ended(host_resource: Tracked, directory: Path) -> None:
    before = os_processes.marked_processes(directory, "supervisord")
    (directory / "supervisord/records/supervisord.json").unlink()
    (directory / "supervisor.sock").unlink()
    assert host_resource.diff() == ["supervisord"]
    host_resource.update()
    after = os_processes.marked_processes(directory, "supervisord")
    assert len(before) == len(after) == 1
    assert before != after


def test_an_orphan_without_any_record_is_ended_by_its_mark(host_resource: Tracked, directory: Path) -> None:
    environment = {"NEBULA_STACK_DIRECTORY": str(directory), "NEBULA_WORKLOAD": "web"}
    orphan = subprocess.Popen(["/bin/sleep", "1000"], env=environment, start_new_session=True)
    host_resource.update()
    assert orphan.wait(30) == -signal.SIGTERM


def test_a_missing_directory_is_shown_by_diff_and_gone_for_read(
    host_resource: Tracked, directory: Path
) -> None:
    host_resource.delete()
    assert not directory.exists()
    assert host_resource.diff() == ["supervisord"]
    assert host_resource.read() is None


@pytest.mark.parametrize("wedged", ["server", "supervisord"])
def test_delete_with_a_wedged_process_leaves_nothing(
    host_resource: Tracked, server_inputs: Inputs, directory: Path, wedged: str
) -> None:
    ignoring = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
address = (sys.argv[1], int(sys.argv[2]))
http.server.HTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""
    inputs = server_inputs(command=[sys.executable, "-c", ignoring, "{bind}", "{port.http}"], stopSeconds=1)
    Tracked(host_resource.plugin, "Process", inputs).create()
    for pid in os_processes.marked_processes(directory, "supervisord" if wedged == "supervisord" else "web"):
        os.kill(pid, signal.SIGSTOP)
    host_resource.delete()
    assert not directory.exists()
    assert not list(directory.parent.glob(".*"))
    assert not os_processes.marked_processes(directory)


def test_a_stopped_supervisord_is_not_asked(host_resource: Tracked, directory: Path) -> None:
    """It would not answer, and each question would take as long as an answer may."""
    supervisor = Supervisor(StackDirectory(directory))
    identity = supervisor.identity()
    assert identity
    os.kill(identity.pid, signal.SIGSTOP)
    until(lambda: state_of(identity.pid) == "T")
    with pytest.raises(SupervisorError, match="held by a SIGSTOP"):
        supervisor.start_program("web")
    assert host_resource.diff() == ["supervisord"]
    os.kill(identity.pid, signal.SIGCONT)
    until(lambda: state_of(identity.pid) != "T")
    assert supervisor.is_alive()
    assert host_resource.diff() == []


def state_of(pid: int) -> str:
    process = os_processes.find_process(pid)
    return process.state if process else ""


def test_remove_works_from_the_directory_alone(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    Tracked(host_resource.plugin, "Process", server_inputs()).create()
    host_resource.plugin.stop()
    assert stack_removal.remove_stack_without_state(directory, OWNER) == []
    assert not directory.exists()
    assert not os_processes.marked_processes(directory)


def test_kept_data_and_secrets_stay_and_are_adopted(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    plugin = host_resource.plugin
    host_resource.update(keepData=True)
    secret = Tracked(plugin, "Secret", {"name": "password", "directory": str(directory), "length": 24})
    web = Tracked(plugin, "Process", server_inputs(hasVolume=True))
    value, volume = secret.create()["value"], web.create()["volume"]
    web.delete()
    secret.delete()
    host_resource.delete()
    assert {path.name for path in directory.iterdir()} == {"data", "secrets", "owner.json"}
    host_resource.create()
    assert secret.create()["value"] == value
    assert web.create()["volume"] == volume


def test_parents_made_for_the_directory_go_with_it(plugin: Plugin, host_inputs: Properties) -> None:
    base = Path(host_inputs["directory"]).parent
    resource = Tracked(plugin, "Host", {**host_inputs, "directory": str(base / "state/nebula/test")})
    resource.create()
    resource.delete()
    assert not list(base.iterdir())


def test_status_reads_state_address_and_memory_from_the_directory(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    web = Tracked(host_resource.plugin, "Process", server_inputs())
    web.create()
    (status,) = server_statuses(directory)
    assert (status.name, status.state) in {("web", "RUNNING"), ("web", "STARTING")}
    assert status.addresses == {"http": f"127.0.0.1:{web.inputs['ports']['http']}"}
    assert status.memory > 0
    assert "serving" in log_path(directory, "web").read_text()
    assert server_statuses(directory.parent / "nothing") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="root's directories are the passable ones")
def test_only_what_a_server_must_reach_is_passable(host_resource: Tracked, directory: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir() if path.is_dir()}
    closed = {name for name, mode in modes.items() if mode == 0o700}
    assert closed == {"logs", "secrets", "supervisord"}
    assert {mode for name, mode in modes.items() if name not in closed} == {0o711}


def test_a_plugin_whose_engine_is_killed_ends_itself_and_its_task(
    directory: Path, tmp_path: Path, host_resource: Tracked
) -> None:
    host_resource.plugin.stop()
    engine = f"""
import json, os, sys, time
from providers.local.plugin.properties import to_struct
from tests.providers.local.plugin.client import Plugin, Tracked, in_background
plugin = Plugin.start(os.environ)
task = Tracked(plugin, "Task", {{"name": "job", "directory": {str(directory)!r}, "homes": {{}},
    "command": ["/bin/sleep", "1000"], "env": {{}}, "timeout": 900}})
in_background(task.create)
print(plugin.process.pid, flush=True)
time.sleep(1000)
"""
    repository = Path(__file__).parents[4]
    environment = {**os.environ, "NEBULA_PYTHON": sys.executable, "PYTHONPATH": str(repository)}
    killed = subprocess.Popen(
        [sys.executable, "-c", engine], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert killed.stdout
    pid = int(killed.stdout.readline())
    until(lambda: bool(os_processes.marked_processes(directory, "job")))
    killed.kill()
    killed.wait()
    killed.stdout.close()
    until(lambda: os_processes.find_process(pid) is None)
    until(lambda: not os_processes.marked_processes(directory, "job"))


def test_the_lock_file_is_not_left_behind(host_resource: Tracked, directory: Path) -> None:
    lock = StackDirectory(directory).lock_file
    assert json.loads(lock.read_text())["pid"] == host_resource.plugin.process.pid
    host_resource.delete()
    assert not lock.exists()


def test_an_orphan_that_lost_its_mark_and_record_is_known_by_executable_and_place(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    """redis writes its title over its environment."""
    web = Tracked(host_resource.plugin, "Process", server_inputs())
    web.create()
    spec = json.loads(StackDirectory(directory).spec_file("web").read_text())
    command = [*spec["argv"][:-1], str(free_port())]
    orphan = subprocess.Popen(command, env={}, cwd=directory / "run/web", start_new_session=True)
    stranger = subprocess.Popen(["/bin/sleep", "1000"], env={}, cwd=directory / "run/web")
    host_resource.update()
    assert orphan.wait(30) == -signal.SIGTERM
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert len(os_processes.marked_processes(directory, "web")) == 1
