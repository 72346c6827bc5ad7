"""supervisord: its configuration, its start, and requests to it over its Unix socket."""

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

from providers.local.plugin import processes
from providers.local.plugin.configuration import configuration_of, program_of
from providers.local.plugin.environment import base_environment
from providers.local.plugin.errors import SupervisorError
from providers.local.plugin.layout import StackDirectory, read_json, write_atomically
from providers.local.plugin.processes import Identity

SUPERVISORD = "supervisord"
_ANSWER_SECONDS = 10.0
_START_TIMEOUT = 30.0
_FRESH_SECONDS = 1.0
_BAD_NAME, _NOT_RUNNING, _ALREADY_ADDED, _ALREADY_STARTED = 10, 70, 90, 60

ALIVE = frozenset({"STARTING", "RUNNING"})
RESTARTING = frozenset({"BACKOFF", "EXITED"})
"""States that supervisord itself leaves within seconds, unless it was told to stop."""


@dataclass(frozen=True)
class Status:
    """What supervisord says of a server; `pid` is 0 and `started` the last start when it is down."""

    name: str
    state: str
    pid: int
    started: int


class Supervisor:
    """The supervisord of one stack directory. Safe to use from many threads."""

    def __init__(self, directory: StackDirectory) -> None:
        self.directory = directory
        self._configuring = threading.Lock()
        self._asking = threading.Lock()
        self._statuses: dict[str, Status] = {}
        self._asked = float("-inf")

    def identity(self) -> Identity | None:
        """The living supervisord that was recorded, whether it answers or not."""
        recorded = Identity.parse(read_json(self.directory.record(SUPERVISORD)))
        return recorded if recorded and recorded.alive() else None

    def alive(self) -> bool:
        """Whether supervisord lives and answers."""
        if not self.directory.socket.exists():
            return False
        try:
            pid = self._call(lambda server: server.supervisor.getPID())
        except SupervisorError:
            return False
        found = processes.identify(pid)
        if found and found != self.identity():
            self._record(found)
        return found is not None

    def is_current(self) -> bool:
        """Whether the living supervisord runs on this Python: that of a clone that was moved is gone, and
        with it the launcher that restarts its servers."""
        identity = self.identity()
        return identity is not None and processes.arguments(identity.pid)[:1] == [sys.executable]

    def start(self) -> None:
        """Start supervisord, detached from the engine; returns once it answers."""
        directory = self.directory
        directory.socket.unlink(missing_ok=True)
        configuration = directory.control / "supervisord.conf"
        write_atomically(configuration, configuration_of(directory))
        with (directory.control / "output.log").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-m", "supervisor.supervisord", "-n", "-c", str(configuration)],
                cwd=directory.control,
                env=base_environment(directory.root, SUPERVISORD, directory.control),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
            )
        identity = processes.identify(process.pid)
        if identity:
            self._record(identity)
        deadline = time.monotonic() + _START_TIMEOUT
        while not self.alive():
            if process.poll() is not None or time.monotonic() > deadline:
                last = (directory.control / "output.log").read_text(errors="replace").strip()[-800:]
                raise SupervisorError(
                    f"supervisord did not start in {directory.root}: {last or 'no output'}; "
                    f"its log: {directory.control}/supervisord.log"
                )
            time.sleep(0.02)
        self.forget()

    def shutdown(self, seconds: float) -> None:
        """End supervisord and all its servers, within about `seconds` plus 10 s."""
        identity = self.identity()
        if identity is None and not self.alive():
            return
        identity = identity or self.identity()
        assert identity is not None
        rows = processes.table()
        family = processes.tree([identity.pid], rows)
        # A stopped server cannot take leave, nor a stopped supervisord listen.
        processes.wake(family, rows)
        try:
            self._call(lambda server: server.supervisor.shutdown())
        except SupervisorError:
            seconds = 0.0
        deadline = time.monotonic() + seconds
        while identity.alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        processes.end([identity.pid], signal.SIGKILL, grace=1.0)
        processes.end(family, signal.SIGTERM, grace=1.0)
        self.directory.record(SUPERVISORD).unlink(missing_ok=True)
        self.forget()

    def statuses(self) -> dict[str, Status]:
        """Every server by name, at most a second old: one request serves a whole preview.

        Empty when supervisord is dead.
        """
        with self._asking:
            if time.monotonic() - self._asked > _FRESH_SECONDS or self.identity() is None:
                self._statuses = self._ask()
                self._asked = time.monotonic()
            return self._statuses

    def status(self, name: str) -> Status | None:
        """The server as it is now; None when supervisord is dead or does not know it."""
        self.forget()
        return self.statuses().get(name)

    def forget(self) -> None:
        with self._asking:
            self._asked = float("-inf")

    def _ask(self) -> dict[str, Status]:
        if not self.directory.socket.exists():
            return {}
        try:
            rows = self._call(lambda server: server.supervisor.getAllProcessInfo())
        except SupervisorError:
            return {}
        return {row["name"]: Status(row["name"], row["statename"], row["pid"], row["start"]) for row in rows}

    def put(self, name: str, stop_signal: str, stop_seconds: int) -> None:
        """Make the stopped server `name` known with this configuration."""
        program = self.directory.program(name)
        text = program_of(self.directory, name, stop_signal, stop_seconds)
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
        self._call(lambda server: server.supervisor.startProcess(name, False), _ALREADY_STARTED)
        self.forget()

    def stop_program(self, name: str, seconds: float) -> None:
        """Stop the server and all its processes: supervisord kills it after its stop time, and what is
        still there `seconds` plus 5 after the request is killed from here."""
        status = self.status(name)
        if status is None:
            return
        rows = processes.table()
        family = processes.tree([status.pid], rows) if status.pid else set()
        processes.wake(family, rows)
        self._call(lambda server: server.supervisor.stopProcess(name, False), _NOT_RUNNING, _BAD_NAME)
        deadline = time.monotonic() + seconds + 5
        while (now := self.status(name)) and now.state not in {"STOPPED", "EXITED", "FATAL"}:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        processes.end(family, signal.SIGKILL, grace=1.0)

    def remove(self, name: str) -> None:
        """Forget the stopped server `name`."""
        with self._configuring:
            self.directory.program(name).unlink(missing_ok=True)
            if self.alive():
                self._remove_group(name)
                self._call(lambda server: server.supervisor.reloadConfig())
        self.forget()

    def _remove_group(self, name: str) -> None:
        self._call(lambda server: server.supervisor.removeProcessGroup(name), _BAD_NAME)

    def _is_stopped(self) -> bool:
        """Whether supervisord is held by a SIGSTOP: it would not answer until the time for it is over."""
        identity = self.identity()
        process = processes.look(identity.pid) if identity else None
        return process is not None and process.state == "T"

    def _record(self, identity: Identity) -> None:
        write_atomically(self.directory.record(SUPERVISORD), json.dumps(identity.as_record()))

    def _call(self, request: Callable[[Any], Any], *tolerated: int) -> Any:
        """The answer to `request`; a fault whose code is `tolerated` counts as an answer."""
        if self._is_stopped():
            raise SupervisorError(
                f"supervisord of {self.directory.root} is held by a SIGSTOP; `pulumi up` starts another"
            )
        with xmlrpc.client.ServerProxy(
            "http://localhost", transport=_transport(self.directory.socket)
        ) as server:
            try:
                return request(server)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode in tolerated:
                    return None
                raise SupervisorError(
                    f"supervisord of {self.directory.root} refused: {fault.faultString}; "
                    f"its log: {self.directory.control}/supervisord.log"
                ) from fault
            except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
                raise SupervisorError(
                    f"supervisord of {self.directory.root} does not answer ({error}); "
                    "run `pulumi up`: it starts it again"
                ) from error


def _transport(path: Path) -> Any:
    # Imported here: a preview of a stack that does not exist asks nobody.
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
