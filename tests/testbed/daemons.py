"""Runs servers as background processes. Each has a log, and is found again by a variable in its
environment."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from providers.local.plugin import os_processes
from providers.local.plugin.os_processes import DIRECTORY_VARIABLE, WORKLOAD_VARIABLE
from tests.testbed.errors import DaemonError

_POLL_SECONDS = 0.05
_TAIL_LINES = 15


def direct_environment() -> dict[str, str]:
    """Return this process's environment without proxies, because all the testbed's servers are on this
    machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


class Daemons:
    """The servers whose files are below `directory`.

    `detached` servers outlive this process. Other servers are ended by the system with the thread that
    started them. `stop` finds both, whichever process started them.
    """

    def __init__(self, directory: Path, detached: bool = False) -> None:
        self._directory = directory
        self._detached = detached
        self._children: dict[str, int] = {}

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a server. Its output goes to its log."""
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        argv = [*self._launcher(), *argv]
        program = shutil.which(argv[0])
        if program is None:
            raise DaemonError(f"{name}: there is no program {argv[0]}. Run: python -m tests.testbed build")
        appended = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._children[name] = os.posix_spawn(
            program,
            argv,
            {
                **direct_environment(),
                **(environment or {}),
                DIRECTORY_VARIABLE: str(self._directory),
                WORKLOAD_VARIABLE: name,
            },
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), appended, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigdef=[signal.SIGINT, signal.SIGPIPE],
        )

    def _launcher(self) -> list[str]:
        setpriv = None if self._detached else shutil.which("setpriv")
        return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []

    def running(self, name: str | None = None) -> set[int]:
        """Return the pids of the server called `name`, or of all servers."""
        return os_processes.marked_processes(self._directory, name)

    def wait_until(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready` returns true. Raises DaemonError, with the end of the server's log, when the
        server `name` ends first or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while not ready():
            ended = not (os_processes.find_process(self._children.get(name, 0)) or self.running(name))
            if ended or time.monotonic() > deadline:
                reason = "ended" if ended else f"was not ready within {seconds:.0f} s"
                raise DaemonError(
                    f"{name} {reason}. Its last lines, of {self.log(name)}:\n{self.last_lines(name)}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, name: str | None = None, grace: float = 5.0) -> None:
        """End the server called `name`, or all servers. A server that still lives after `grace` seconds is
        killed."""
        os_processes.end_processes(self.running(name), grace=grace)
        for child in [name] if name else list(self._children):
            if pid := self._children.pop(child, None):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def log(self, name: str) -> Path:
        return self._directory / "logs" / f"{name}.log"

    def last_lines(self, name: str) -> str:
        try:
            lines = self.log(name).read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(lines[-_TAIL_LINES:])
