"""Waits until a server is ready, by a probe over HTTP, over TCP or with a command."""

import http.client
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from providers.local.plugin.command_runner import Command, CommandRunner
from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.errors import CommandError
from providers.local.plugin.supervisor import Supervisor
from providers.local.plugin.workload_spec import WorkloadSpec

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5
_PROBE_SECONDS = 5.0
_RESTARTS = 2
"""A server is given up when it restarts more often than this before it is ready."""

Probe = Callable[[], bool]


def make_probe(
    spec: WorkloadSpec, readiness: Mapping[str, Any], commands: CommandRunner
) -> tuple[Probe, str]:
    """Return the probe that the input `readiness` describes, and its goal in words for messages."""
    kind = readiness["kind"]
    if kind == "command":
        argv = spec.render_command(readiness["command"])
        return lambda: _command_succeeds(spec, argv, commands), f"`{argv[0].rpartition('/')[2]}` to succeed"
    port = spec.ports[readiness["port"]]
    if kind == "tcp":
        return lambda: _connects(spec.bind, port), f"{spec.bind}:{port} to accept connections"
    path, status = readiness["path"], int(readiness.get("status") or 200)
    return lambda: _answers(spec.bind, port, path, status), f"http://{spec.bind}:{port}{path}"


def wait_until_ready(
    spec: WorkloadSpec,
    probe: Probe,
    what: str,
    deadline: float,
    supervisor: Supervisor,
    engine: EngineClient,
    urn: str,
) -> str | None:
    """Wait until `probe` passes, for at most `deadline` seconds.

    Returns None when the server is ready, else the reason why not, which continues "<name> did not become
    ready: ". `what` names the probe's goal in messages. Raises CancelledError when the engine cancels.
    """
    begin = time.monotonic()
    starts: set[int] = set()
    pause = _FIRST_PAUSE
    while True:
        status = supervisor.statuses().get(spec.name)
        if status is None:
            return "its supervisord is dead"
        if status.state == "STOPPED":
            return "it was stopped"
        if status.pid:
            starts.add(status.started)
        if len(starts) > _RESTARTS:
            return f"it ended {len(starts) - 1} times"
        if status.pid and probe():
            return None
        waited = time.monotonic() - begin
        if waited > deadline:
            return f"waited {deadline:g} s for {what}"
        if waited > 1:
            engine.show_status(urn, f"waiting for {what} ({waited:.0f} s)", every=5.0)
        engine.wait(pause, f"waiting for {spec.name}")
        pause = min(pause * 1.4, _LONGEST_PAUSE)


def _connects(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), _PROBE_SECONDS):
            return True
    except OSError:
        return False


def _answers(host: str, port: int, path: str, status: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _command_succeeds(spec: WorkloadSpec, argv: list[str], commands: CommandRunner) -> bool:
    log = spec.directory.log_file(f"{spec.name}.probe")
    log.unlink(missing_ok=True)
    command = Command(argv, spec.environment(), spec.run_folder, log, 2 * _PROBE_SECONDS, spec.account)
    try:
        return commands.run(command, f"the readiness command of {spec.name}") == 0
    except CommandError:
        return False
