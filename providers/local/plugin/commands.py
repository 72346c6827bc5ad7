"""Commands run to completion: prepare steps, tasks and readiness commands.

Each runs in a session of its own, since the engine interrupts the plugin's process group when it
ends, with its output in a log file.
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

from providers.local.plugin import processes
from providers.local.plugin.accounts import Account
from providers.local.plugin.engine import Engine
from providers.local.plugin.errors import CommandError
from providers.local.plugin.exec import dropping
from providers.local.plugin.processes import WORKLOAD_MARK
from providers.local.plugin.supervisor import SUPERVISORD

Lines = Callable[[str], None]


@dataclass(frozen=True)
class Command:
    """What to run: `argv` in `cwd` with exactly `env`, as `account` when given, for at most `timeout`
    seconds. Output is appended to `log`."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    timeout: float
    account: Account | None = None


class Commands:
    """Runs commands until they end, run out of time or the engine cancels."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, command: Command, what: str, on_line: Lines | None = None) -> int:
        """The exit status of `command`. `on_line` is given each line of output as it comes.

        Raises CommandError when it cannot be started or runs out of time, CancelledError when the
        engine cancels; its whole process group is ended then.
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
        # Not by Popen's own `user`: it forks for that, which gRPC's threads do not survive; it uses
        # vfork otherwise.
        account = command.account
        prefix = dropping(account.user, account.group) if account else []
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
                f"{what}: cannot run {command.argv[0]}: {error.strerror}; is the software complete? "
                "`make clean` and `pulumi up` fetch it again"
            ) from error

    def _wait(self, process: subprocess.Popen[bytes], command: Command, what: str) -> int:
        deadline = time.monotonic() + command.timeout
        delay = 0.01
        while (status := process.poll()) is None:
            if time.monotonic() > deadline:
                raise CommandError(f"{what} did not finish within {command.timeout:g} s; log: {command.log}")
            self._engine.pause(delay, what)
            delay = min(delay * 1.5, 0.2)
        return status

    def _end(self, pid: int) -> None:
        """End what is left of the command's group, the command itself included."""
        rows = processes.table()
        group = {row.pid for row in rows.values() if row.group == pid}
        processes.end(processes.tree(group, rows), signal.SIGTERM, grace=3.0)


def _copy(process: subprocess.Popen[bytes], log: BinaryIO, on_line: Lines | None) -> None:
    assert process.stdout is not None
    for raw in process.stdout:
        log.write(raw)
        log.flush()
        line = raw.decode(errors="replace").rstrip()
        if on_line is not None and line:
            on_line(line)


def end_children() -> None:
    """Kill whatever this plugin started and nobody will look after: all but the supervisords."""
    rows = processes.table()
    own = os.getpid()
    lasting = {
        row.pid
        for row in rows.values()
        if row.parent == own and processes.environment(row.pid).get(WORKLOAD_MARK) == SUPERVISORD
    }
    for pid in processes.tree([own], rows) - processes.tree(lasting, rows) - {own}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
