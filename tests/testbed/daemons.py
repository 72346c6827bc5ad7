"""Servers as background processes: each with a log, found again by a mark in its environment."""

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
    """This process's environment without proxies: all that is talked to is on this machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


class Daemons:
    """The servers whose files are below `directory`.

    They outlive this process when they are `detached`; otherwise the system ends them with the thread
    that started them. Either way `stop` finds them by their mark, whoever started them.
    """

    def __init__(self, directory: Path, detached: bool = False) -> None:
        self._directory = directory
        self._detached = detached
        self._children: dict[str, int] = {}

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a server; what it prints goes to its log."""
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
        """The pids of the server called `name`, or of all."""
        return os_processes.marked_processes(self._directory, name)

    def wait_until(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Until `ready` says so. Raises DaemonError, with the end of its log, when the server `name` ends
        before that or takes too long."""
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
        """End the server called `name`, or all: asked first, killed after `grace` seconds."""
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
