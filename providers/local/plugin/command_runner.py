"""Runs commands to completion: preparation steps of volumes, tasks and readiness commands.

Each command runs in a session of its own, because the engine interrupts the plugin's process group when it
ends. Its output goes to a log file.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from providers.local.plugin import os_processes
from providers.local.plugin.accounts import Account
from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.errors import CommandError
from providers.local.plugin.exec import run_as_prefix
from providers.local.plugin.os_processes import WORKLOAD_VARIABLE
from providers.local.plugin.supervisor import SUPERVISORD

LineHandler = Callable[[str], None]


@dataclass(frozen=True)
class Command:
    """A command to run: `argv` in the directory `cwd`, with `env` as its whole environment.

    It runs as `account`, or as the current user when that is None, and for at most `timeout` seconds. Its
    output is appended to the file `log`.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    timeout: float
    account: Account | None = None


class CommandRunner:
    """Runs commands until they end, reach their timeout or the engine cancels."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine

    def run(self, command: Command, what: str, on_line: LineHandler | None = None) -> int:
        """Run `command` and return its exit status.

        `what` names it in messages: "task flights". `on_line` is called with each line of output as it comes.
        Raises CommandError when the command cannot be started or reaches its timeout, and CancelledError when
        the engine cancels. Whatever happens, no process of its group is left.
        """
        with command.log.open("ab") as log:
            process = self._start(command, what)
            reader = threading.Thread(target=_copy, args=(process, log, on_line), daemon=True)
            reader.start()
            try:
                status = self._wait(process, command, what)
            finally:
                self._end(process.pid)
                process.wait()
                reader.join(5)
        return status

    def _start(self, command: Command, what: str) -> subprocess.Popen[bytes]:
        # Popen's own `user` is not used: it makes Popen fork, which gRPC's threads do not survive, instead of
        # vfork.
        account = command.account
        prefix = run_as_prefix(account.user, account.group) if account else []
        try:
            return subprocess.Popen(
                [*prefix, *command.argv],
                env=dict(command.env),
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
            )
        except OSError as error:
            raise CommandError(
                f"{what}: cannot run {command.argv[0]}: {error.strerror}. If the software is incomplete, "
                "`make clean` and `pulumi up` download it again"
            ) from error

    def _wait(self, process: subprocess.Popen[bytes], command: Command, what: str) -> int:
        deadline = time.monotonic() + command.timeout
        delay = 0.01
        while (status := process.poll()) is None:
            if time.monotonic() > deadline:
                raise CommandError(
                    f"{what} did not end within {command.timeout:g} s. See its log: {command.log}"
                )
            self._engine.wait(delay, what)
            delay = min(delay * 1.5, 0.2)
        return status

    def _end(self, pid: int) -> None:
        """End every process that is left in the command's process group."""
        rows = os_processes.all_processes()
        group = {row.pid for row in rows.values() if row.group == pid}
        os_processes.end_processes(os_processes.with_descendants(group, rows), signal.SIGTERM, grace=3.0)


def _copy(process: subprocess.Popen[bytes], log: BinaryIO, on_line: LineHandler | None) -> None:
    assert process.stdout is not None
    for raw in process.stdout:
        log.write(raw)
        log.flush()
        line = raw.decode(errors="replace").rstrip()
        if on_line is not None and line:
            on_line(line)


def kill_children() -> None:
    """Kill every process that this plugin started, except the supervisords and their servers."""
    rows = os_processes.all_processes()
    own = os.getpid()
    lasting = {
        row.pid
        for row in rows.values()
        if row.parent == own and os_processes.environment_of(row.pid).get(WORKLOAD_VARIABLE) == SUPERVISORD
    }
    for pid in (
        os_processes.with_descendants([own], rows) - os_processes.with_descendants(lasting, rows) - {own}
    ):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
