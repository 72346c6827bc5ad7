"""Servers are adopted, repaired and restarted, and never run twice."""

import os
import pwd
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from providers.local.plugin import accounts, os_processes
from providers.local.plugin.layout import StackDirectory, read_json
from providers.local.plugin.properties import UNKNOWN, Properties
from providers.local.plugin.supervisor import Supervisor
from tests.providers.local.plugin.client import Plugin, Tracked, failure, in_background, until

Inputs = Callable[..., Properties]


def pids(directory: Path, name: str = "web") -> set[int]:
    """Return the pids of the workload's processes, from /proc."""
    return os_processes.marked_processes(directory, name)


@pytest.fixture
def web(host_resource: Tracked, server_inputs: Inputs) -> Tracked:
    resource = Tracked(host_resource.plugin, "Process", server_inputs())
    resource.create()
    return resource


def test_create_again_adopts_the_running_server(web: Tracked, directory: Path) -> None:
    before = pids(directory)
    web.create()
    assert len(before) == 1
    assert pids(directory) == before
    assert web.diff() == []


def test_a_killed_server_is_restarted_by_supervisord(web: Tracked, directory: Path) -> None:
    (before,) = pids(directory)
    os.kill(before, signal.SIGKILL)
    until(lambda: before not in pids(directory))
    assert web.diff() == []
    until(lambda: len(pids(directory)) == 1)


def test_a_killed_supervisord_leaves_no_doubles(
    host_resource: Tracked, web: Tracked, directory: Path
) -> None:
    (before,) = pids(directory)
    identity = Supervisor(StackDirectory(directory)).identity()
    assert identity
    os.kill(identity.pid, signal.SIGKILL)
    until(lambda: not identity.is_alive())
    assert pids(directory) == {before}
    assert host_resource.diff() == ["supervisord"]
    assert web.diff() == ["state"]
    host_resource.update()
    web.update()
    assert len(pids(directory)) == 1
    assert host_resource.diff() == web.diff() == []


def test_a_stopped_server_is_shown_and_started(web: Tracked, directory: Path) -> None:
    Supervisor(StackDirectory(directory)).stop_program("web", 2)
    until(lambda: web.diff() == ["state"])
    assert web.read() == {**web.state, "drift": ["state"]}
    web.update()
    assert web.diff() == []
    assert len(pids(directory)) == 1


def test_a_suspended_server_is_shown_and_started_again(web: Tracked, directory: Path) -> None:
    (before,) = pids(directory)
    os.kill(before, signal.SIGSTOP)
    until(lambda: web.diff() == ["state"])
    web.update()
    assert web.diff() == []
    assert before not in pids(directory)


def test_an_edited_file_is_shown_and_restored(web: Tracked, directory: Path) -> None:
    path = directory / "run/web/etc/app.conf"
    original = path.read_text()
    path.write_text("edited")
    assert web.diff() == ["files"]
    web.update()
    assert path.read_text() == original
    assert web.diff() == []


@pytest.mark.parametrize("emptied", [False, True])
def test_a_lost_volume_is_shown_and_made_anew(
    host_resource: Tracked, server_inputs: Inputs, directory: Path, emptied: bool
) -> None:
    prepare = [[sys.executable, "-c", "open(r'{data}/format', 'x').close()"]]
    web = Tracked(host_resource.plugin, "Process", server_inputs(hasVolume=True, prepare=prepare))
    assert web.preview()["volume"] == UNKNOWN
    first = web.create()["volume"]
    assert first
    data = directory / "data/web"
    if emptied:
        for path in data.glob("*"):
            path.unlink()
    else:
        shutil.rmtree(data)
    assert web.diff() == ["volume"]
    assert web.preview()["volume"] == UNKNOWN
    second = web.update()["volume"]
    assert second not in {"", first}
    assert (data / "format").exists()
    assert web.diff() == []
    assert web.preview()["volume"] == second


def test_files_without_identity_are_moved_aside_not_deleted(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    (directory / "data/web").mkdir(parents=True)
    (directory / "data/web/precious").touch()
    web = Tracked(host_resource.plugin, "Process", server_inputs(hasVolume=True))
    web.create()
    assert len(list(directory.glob("data/web.without-identity-*/precious"))) == 1


@pytest.mark.parametrize("left", ["", "truncat"])
def test_a_volume_whose_identity_a_power_loss_cut_keeps_its_data_and_gets_another(
    host_resource: Tracked, server_inputs: Inputs, directory: Path, left: str
) -> None:
    prepare = [[sys.executable, "-c", "open(r'{data}/format', 'x').close()"]]
    web = Tracked(host_resource.plugin, "Process", server_inputs(hasVolume=True, prepare=prepare))
    first = web.create()["volume"]
    (directory / "data/web/precious").touch()
    (directory / "data/web/nebula-volume").write_text(left)
    assert web.diff() == ["volume"]
    second = web.update()["volume"]
    assert len(second) == len(first)
    assert second != first
    assert sorted(path.name for path in directory.glob("data/*")) == ["web"]
    assert (directory / "data/web/precious").exists()


def test_a_mark_of_preparation_that_came_back_does_not_wipe_what_the_server_wrote(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    """The mark is removed after the identity is written: a crash in between leaves both."""
    web = Tracked(host_resource.plugin, "Process", server_inputs(hasVolume=True))
    web.create()
    (directory / "data/web.preparing").touch()
    (directory / "data/web/precious").touch()
    web.update(env={"COLOUR": "green"})
    assert not (directory / "data/web.preparing").exists()
    (directory / "data/web/nebula-volume").write_text("")
    web.update()
    assert (directory / "data/web/precious").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_data_of_another_account_becomes_that_of_the_server(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    inputs = server_inputs(unprivileged=True, hasVolume=True)
    inputs["command"] = ["/usr/bin/python3", *inputs["command"][1:]]
    web = Tracked(host_resource.plugin, "Process", inputs)
    web.create()
    nobody = pwd.getpwnam("nobody")
    (directory / "data/web/below").mkdir()
    for path in (directory / "data/web", *(directory / "data/web").rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    web.update(env={"COLOUR": "green"})
    own = pwd.getpwnam(accounts.ACCOUNT_NAME)
    assert {path.stat().st_uid for path in (directory / "data/web").rglob("*")} == {own.pw_uid}
    assert (directory / "data/web").stat().st_gid == own.pw_gid
    assert (directory / "data/web").stat().st_mode & 0o777 == 0o700


def test_a_failing_prepare_is_retried_on_an_empty_volume(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    code = (
        "import pathlib, sys; d = pathlib.Path(r'{data}'); assert not list(d.iterdir()); (d / 'x').touch(); "
    )
    failing = server_inputs(hasVolume=True, prepare=[[sys.executable, "-c", code + "sys.exit('no luck')"]])
    web = Tracked(host_resource.plugin, "Process", failing)
    with pytest.raises(grpc.RpcError) as raised:
        web.create()
    assert "no luck" in failure(raised.value)
    web.inputs["prepare"] = [[sys.executable, "-c", code]]
    assert web.create()["volume"]


def test_each_changed_property_is_named_and_only_a_new_identity_replaces(web: Tracked) -> None:
    assert web.diff(env={"COLOUR": "red"}) == ["env.COLOUR"]
    assert web.diff(files={"etc/app.conf": "x"}) == ['files["etc/app.conf"]']
    assert web.diff(secretEnv={"KEY": "k"}) == ["secretEnv.KEY"]
    assert web.diff(stopSeconds=3) == ["stopSeconds"]
    assert web.diff(name="other") == ["name!"]


def test_a_changed_specification_restarts_the_server(web: Tracked, directory: Path) -> None:
    (before,) = pids(directory)
    web.update(env={"COLOUR": "red"})
    (after,) = pids(directory)
    assert after != before
    assert os_processes.environment_of(after)["COLOUR"] == "red"
    web.update(memory=128)
    assert pids(directory) == {after}


def test_proxy_variables_reach_the_server_and_nothing_else_of_the_user(
    directory: Path, start_plugin: Callable[..., Plugin], host_inputs: Properties, server_inputs: Inputs
) -> None:
    plugin = start_plugin(HTTPS_PROXY="http://proxy:3128", AWS_SECRET_ACCESS_KEY="users-own")
    Tracked(plugin, "Host", host_inputs).create()
    Tracked(plugin, "Process", server_inputs()).create()
    (pid,) = pids(directory)
    environment = os_processes.environment_of(pid)
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert "AWS_SECRET_ACCESS_KEY" not in environment


def test_a_server_that_is_not_ready_fails_with_its_log_and_without_secrets(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    code = (
        "import os; print('starting with', os.environ['PASSWORD'], flush=True); import time; time.sleep(600)"
    )
    inputs = server_inputs(
        command=[sys.executable, "-c", code],
        secretEnv={"PASSWORD": "sentinel-4711"},
        readiness={"kind": "tcp", "port": "http", "deadline": 1},
    )
    with pytest.raises(grpc.RpcError) as raised:
        Tracked(host_resource.plugin, "Process", inputs).create()
    message = failure(raised.value)
    assert "starting with [secret]" in message
    assert "sentinel-4711" not in message
    assert str(directory / "logs/web.log") in message
    assert "make logs COMPONENT=web" in message


def test_a_server_that_ends_at_once_is_not_waited_for(host_resource: Tracked, server_inputs: Inputs) -> None:
    command = [sys.executable, "-c", "raise SystemExit('bad configuration')"]
    inputs = server_inputs(command=command, readiness={"kind": "tcp", "port": "http", "deadline": 3600})
    with pytest.raises(grpc.RpcError) as raised:
        Tracked(host_resource.plugin, "Process", inputs).create()
    assert "bad configuration" in failure(raised.value)


def test_a_failed_new_version_says_how_to_go_back_and_going_back_works(web: Tracked) -> None:
    old = dict(web.inputs)
    with pytest.raises(grpc.RpcError) as raised:
        web.update(version="2.0", command=[sys.executable, "-c", "raise SystemExit('cannot read old data')"])
    assert "restore web 1.0" in failure(raised.value)
    assert web.inputs == old
    assert web.diff() == ["files", "state"]
    web.update()
    assert web.diff() == []


def test_a_cancelled_wait_leaves_the_server_for_the_next_run(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    inputs = server_inputs(
        readiness={"kind": "http", "port": "http", "path": "/", "status": 418, "deadline": 3600}
    )
    web = Tracked(host_resource.plugin, "Process", inputs)
    outcome = in_background(web.create)
    until(lambda: len(pids(directory)) == 1)
    before = pids(directory)
    host_resource.plugin.cancel()
    assert "cancelled" in outcome.get(timeout=60)
    assert pids(directory) == before


def test_delete_leaves_no_process_and_no_file(web: Tracked, directory: Path) -> None:
    web.delete()
    assert not pids(directory)
    assert not [path for path in directory.rglob("*web*") if "supervisord.log" not in path.name]


def test_an_unknown_placeholder_is_refused_at_preview(plugin: Plugin, server_inputs: Inputs) -> None:
    web = Tracked(plugin, "Process", server_inputs(files={"x": "{port.admin}"}, secretEnv={"A": UNKNOWN}))
    assert any("port.admin" in reason for reason in web.check())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as another user")
def test_a_place_where_the_servers_user_cannot_pass_is_refused_at_preview(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    closed = directory.parent / "closed"
    closed.mkdir(mode=0o700)
    inputs = server_inputs(unprivileged=True, directory=str(closed / "stack"))
    assert any(str(closed) in reason for reason in Tracked(host_resource.plugin, "Process", inputs).check())
    inputs["unprivileged"] = False
    assert Tracked(host_resource.plugin, "Process", inputs).check() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop its rights")
def test_an_unprivileged_server_runs_as_an_account_of_its_own_with_files_of_its_own(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    python = "/usr/bin/python3"
    prepare = [[python, "-c", "import os; assert os.getuid() != 0; open(r'{data}/made', 'x').close()"]]
    inputs = server_inputs(
        unprivileged=True, hasVolume=True, prepare=prepare, secretFiles={"key": "sentinel"}
    )
    inputs["command"] = [python, *inputs["command"][1:]]
    Tracked(host_resource.plugin, "Process", inputs).create()
    (pid,) = pids(directory)
    own = pwd.getpwnam(accounts.ACCOUNT_NAME).pw_uid
    assert own not in {0, pwd.getpwnam("nobody").pw_uid}
    for path in (Path(f"/proc/{pid}"), directory / "run/web/key", directory / "data/web/made"):
        assert path.stat().st_uid == own
    assert (directory / "run/web/key").stat().st_mode & 0o777 == 0o600
    assert (directory / "supervisord/specs/web.json").stat().st_uid == 0


def test_the_record_names_the_server_itself(web: Tracked, directory: Path) -> None:
    (pid,) = pids(directory)
    assert read_json(StackDirectory(directory).record_file("web"))["pid"] == pid


def test_a_server_that_lost_its_port_comes_back_when_the_port_is_free(web: Tracked, directory: Path) -> None:
    """Taken while supervisord cannot look; held for more attempts than supervisord makes by default."""
    supervisor, log = Supervisor(StackDirectory(directory)), StackDirectory(directory).log_file("web")
    identity, (before,) = supervisor.identity(), pids(directory)
    assert identity
    address = ("127.0.0.1", web.inputs["ports"]["http"])
    os.kill(identity.pid, signal.SIGSTOP)
    os.kill(before, signal.SIGKILL)
    until(lambda: os_processes.find_process(before) is None)
    with socket.create_server(address):
        os.kill(identity.pid, signal.SIGCONT)
        until(lambda: log.read_text().count(f"port {address[1]} (http) is taken by another program") > 3)
        until(lambda: status(supervisor) == "BACKOFF")
    until(lambda: serves(address))
    assert len(pids(directory) - {before}) == 1


def status(supervisor: Supervisor) -> str:
    found = supervisor.current_status("web")
    return found.state if found else ""


def serves(address: tuple[str, int]) -> bool:
    with suppress(OSError), socket.create_connection(address, 5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.recv(4096).startswith(b"HTTP/1.0 200")
    return False
