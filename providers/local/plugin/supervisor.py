"""Starts and stops a stack's supervisord, and controls its servers over its Unix socket."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import xmlrpc.client
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.local.plugin import os_processes
from providers.local.plugin.environment import base_environment
from providers.local.plugin.errors import SupervisorError
from providers.local.plugin.layout import StackDirectory, read_json, write_atomically
from providers.local.plugin.os_processes import ProcessIdentity
from providers.local.plugin.supervisord_configuration import program_configuration, supervisord_configuration

SUPERVISORD = "supervisord"
_ANSWER_SECONDS = 10.0
_START_TIMEOUT = 30.0
_FRESH_SECONDS = 1.0
_BAD_NAME, _NOT_RUNNING, _ALREADY_ADDED, _ALREADY_STARTED = 10, 70, 90, 60

ALIVE_STATES = frozenset({"STARTING", "RUNNING"})
RESTARTING_STATES = frozenset({"BACKOFF", "EXITED"})
"""The states in which supervisord will restart the server within seconds, unless it was told to stop it."""


@dataclass(frozen=True)
class ProgramStatus:
    """The status of one server, as supervisord reports it.

    `state` is supervisord's name of it, `started` is the time of the last start in seconds since 1970, and
    `pid` is 0 when the server is down.
    """

    name: str
    state: str
    pid: int
    started: int


class Supervisor:
    """Controls the supervisord of one stack directory. Threads may share it.

    Methods raise SupervisorError when supervisord does not answer or refuses a request.
    """

    def __init__(self, directory: StackDirectory) -> None:
        self.directory = directory
        self._configuring = threading.Lock()
        self._asking = threading.Lock()
        self._statuses: dict[str, ProgramStatus] = {}
        self._asked = float("-inf")

    def identity(self) -> ProcessIdentity | None:
        """Return the recorded supervisord, or None when it is dead. It may live without answering."""
        recorded = ProcessIdentity.from_record(read_json(self.directory.record_file(SUPERVISORD)))
        return recorded if recorded and recorded.is_alive() else None

    def is_alive(self) -> bool:
        """Return whether supervisord lives and answers."""
        if not self.directory.control_socket.exists():
            return False
        try:
            pid = self._call(lambda server: server.supervisor.getPID())
        except SupervisorError:
            return False
        found = os_processes.process_identity(pid)
        if found and found != self.identity():
            self._record(found)
        return found is not None

    def runs_on_this_python(self) -> bool:
        """Return whether supervisord runs on this checkout's Python.

        A supervisord whose checkout was moved cannot restart servers, since its launcher's path is gone.
        """
        identity = self.identity()
        return identity is not None and os_processes.command_line(identity.pid)[:1] == [sys.executable]

    def start(self) -> None:
        """Start supervisord, detached from the engine, and return once it answers."""
        directory = self.directory
        directory.control_socket.unlink(missing_ok=True)
        configuration = directory.supervisord_folder / "supervisord.conf"
        write_atomically(configuration, supervisord_configuration(directory))
        with (directory.supervisord_folder / "output.log").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-m", "supervisor.supervisord", "-n", "-c", str(configuration)],
                cwd=directory.supervisord_folder,
                env=base_environment(directory.root, SUPERVISORD, directory.supervisord_folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
            )
        identity = os_processes.process_identity(process.pid)
        if identity:
            self._record(identity)
        deadline = time.monotonic() + _START_TIMEOUT
        while not self.is_alive():
            if process.poll() is not None or time.monotonic() > deadline:
                last = (
                    (directory.supervisord_folder / "output.log").read_text(errors="replace").strip()[-800:]
                )
                raise SupervisorError(
                    f"supervisord did not start in {directory.root}: {last or 'no output'}. "
                    f"See its log: {directory.supervisord_folder}/supervisord.log"
                )
            time.sleep(0.02)
        self.forget_statuses()

    def shutdown(self, seconds: float) -> None:
        """End supervisord and all its servers. Servers are killed after `seconds`; 10 s more may pass."""
        identity = self.identity()
        if identity is None and not self.is_alive():
            return
        identity = identity or self.identity()
        assert identity is not None
        rows = os_processes.all_processes()
        family = os_processes.with_descendants([identity.pid], rows)
        # A process that a SIGSTOP holds cannot end by itself, and such a supervisord does not answer.
        os_processes.resume_stopped(family, rows)
        try:
            self._call(lambda server: server.supervisor.shutdown())
        except SupervisorError:
            seconds = 0.0
        deadline = time.monotonic() + seconds
        while identity.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        os_processes.end_processes([identity.pid], signal.SIGKILL, grace=1.0)
        os_processes.end_processes(family, signal.SIGTERM, grace=1.0)
        self.directory.record_file(SUPERVISORD).unlink(missing_ok=True)
        self.forget_statuses()

    def statuses(self) -> dict[str, ProgramStatus]:
        """Return the status of every server by name, or nothing when supervisord is dead.

        Statuses are at most a second old, so that one request serves a whole preview.
        """
        with self._asking:
            if time.monotonic() - self._asked > _FRESH_SECONDS or self.identity() is None:
                self._statuses = self._ask()
                self._asked = time.monotonic()
            return self._statuses

    def current_status(self, name: str) -> ProgramStatus | None:
        """Return the status of the server `name` now, or None when supervisord is dead or does not know
        it."""
        self.forget_statuses()
        return self.statuses().get(name)

    def forget_statuses(self) -> None:
        """Make the next call of `statuses` ask supervisord."""
        with self._asking:
            self._asked = float("-inf")

    def _ask(self) -> dict[str, ProgramStatus]:
        if not self.directory.control_socket.exists():
            return {}
        try:
            rows = self._call(lambda server: server.supervisor.getAllProcessInfo())
        except SupervisorError:
            return {}
        return {
            row["name"]: ProgramStatus(row["name"], row["statename"], row["pid"], row["start"])
            for row in rows
        }

    def configure_program(self, name: str, stop_signal: str, stop_seconds: int) -> None:
        """Add the stopped server `name` to supervisord, or change its configuration, without starting it."""
        program = self.directory.program_file(name)
        text = program_configuration(self.directory, name, stop_signal, stop_seconds)
        before = program.read_text() if program.exists() else None
        with self._configuring:
            if before == text and name in self._ask():
                return
            write_atomically(program, text)
            if before is not None:
                self._remove_group(name)
            self._call(lambda server: server.supervisor.reloadConfig())
            self._call(lambda server: server.supervisor.addProcessGroup(name), _ALREADY_ADDED)

    def start_program(self, name: str) -> None:
        """Start the server `name`. Returns before it is ready."""
        self._call(lambda server: server.supervisor.startProcess(name, False), _ALREADY_STARTED)
        self.forget_statuses()

    def stop_program(self, name: str, seconds: float) -> None:
        """Stop the server `name` and all its processes.

        supervisord kills the server after its configured stop time. Processes that still live `seconds` plus
        5 s after the request are killed by this method.
        """
        status = self.current_status(name)
        if status is None:
            return
        rows = os_processes.all_processes()
        family = os_processes.with_descendants([status.pid], rows) if status.pid else set()
        os_processes.resume_stopped(family, rows)
        self._call(lambda server: server.supervisor.stopProcess(name, False), _NOT_RUNNING, _BAD_NAME)
        deadline = time.monotonic() + seconds + 5
        while (now := self.current_status(name)) and now.state not in {"STOPPED", "EXITED", "FATAL"}:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        os_processes.end_processes(family, signal.SIGKILL, grace=1.0)

    def remove_program(self, name: str) -> None:
        """Remove the stopped server `name` from supervisord."""
        with self._configuring:
            self.directory.program_file(name).unlink(missing_ok=True)
            if self.is_alive():
                self._remove_group(name)
                self._call(lambda server: server.supervisor.reloadConfig())
        self.forget_statuses()

    def _remove_group(self, name: str) -> None:
        self._call(lambda server: server.supervisor.removeProcessGroup(name), _BAD_NAME)

    def _is_stopped(self) -> bool:
        """True if supervisord is held by a SIGSTOP: it would not answer before the time limit."""
        identity = self.identity()
        process = os_processes.find_process(identity.pid) if identity else None
        return process is not None and process.state == "T"

    def _record(self, identity: ProcessIdentity) -> None:
        write_atomically(self.directory.record_file(SUPERVISORD), json.dumps(identity.as_record()))

    def _call(self, request: Callable[[Any], Any], *tolerated: int) -> Any:
        """Return supervisord's answer to `request`, or None for a fault whose code is among `tolerated`."""
        if self._is_stopped():
            raise SupervisorError(
                f"supervisord of {self.directory.root} is held by a SIGSTOP; `pulumi up` starts another"
            )
        with xmlrpc.client.ServerProxy(
            "http://localhost", transport=_transport(self.directory.control_socket)
        ) as server:
            try:
                return request(server)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode in tolerated:
                    return None
                raise SupervisorError(
                    f"supervisord of {self.directory.root} refused a request: {fault.faultString}. "
                    f"See its log: {self.directory.supervisord_folder}/supervisord.log"
                ) from fault
            except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
                raise SupervisorError(
                    f"supervisord of {self.directory.root} does not answer ({error}). "
                    "Run `pulumi up`, which starts it again"
                ) from error


def _transport(path: Path) -> Any:
    # Imported here, because a preview of a stack that does not exist sends no request.
    from supervisor.xmlrpc import SupervisorTransport, UnixStreamHTTPConnection

    class Connection(UnixStreamHTTPConnection):  # type: ignore[misc]  # supervisor ships no types
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(_ANSWER_SECONDS)
            self.sock.connect(self.socketfile)

    def connection() -> Connection:
        made = Connection("localhost")
        made.socketfile = str(path)
        return made

    transport = SupervisorTransport(serverurl=f"unix://{path}")
    transport._get_connection = connection
    return transport
