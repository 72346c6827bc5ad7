"""Clears locks of the file backend that killed engines left.

Each engine that works on a stack writes a lock file. A killed engine leaves its lock, and every later engine
refuses the stack. A lock is removed when its process is gone from this machine, and is respected otherwise.
"""

import json
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from infra.engine.errors import StackBusyError

_CLOCK_SLACK_SECONDS = 2.0
_HALF_WRITTEN_SECONDS = 10.0
"""The age after which a lock that cannot be read was cut short: writing one takes milliseconds."""


@dataclass(frozen=True)
class Lock:
    """The lock in the file `path`, which process `pid` took on `hostname` at `taken` (seconds since 1970)."""

    path: Path
    pid: int
    username: str
    hostname: str
    taken: float

    def is_held(self) -> bool:
        """Tells whether the process that took the lock still runs on this machine. A younger process with its
        pid is another one."""
        try:
            process = psutil.Process(self.pid)
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.create_time() <= self.taken + _CLOCK_SLACK_SECONDS
            )
        except psutil.NoSuchProcess:
            return False


def clear_stale_locks(state: Path, project: str, stack: str) -> list[str]:
    """Removes the locks on `stack` that dead processes of this machine left, and returns a line on each for
    the user.

    Raises StackBusyError, having removed nothing, when a running engine or another machine holds a lock.
    """
    stale: dict[Path, str] = {}
    for path in sorted((state / ".pulumi" / "locks" / "organization" / project / stack).glob("*")):
        if path.suffix == ".attrs":
            continue
        lock = _read(path)
        if lock is None:
            if time.time() - _age_base(path) > _HALF_WRITTEN_SECONDS:
                stale[path] = "Cleared a lock that was cut short while it was written."
        elif lock.hostname != socket.gethostname():
            raise StackBusyError(
                f"Another machine has locked stack {stack!r}: {lock.username}@{lock.hostname}, pid "
                f'{lock.pid}. If no engine works on it there, run: eval "$(make -s env)"; pulumi cancel '
                f"{stack}"
            )
        elif lock.is_held():
            raise StackBusyError(
                f"Another engine (pid {lock.pid}, user {lock.username}) is working on stack {stack!r}. "
                "Nothing was changed. Wait until it ends, or stop it with Ctrl-C."
            )
        else:
            stale[path] = f"Cleared the lock that a dead engine (pid {lock.pid}) left on stack {stack!r}."
    for path in stale:
        path.unlink(missing_ok=True)
        path.with_name(f"{path.name}.attrs").unlink(missing_ok=True)
    return list(stale.values())


def _read(path: Path) -> Lock | None:
    try:
        content = json.loads(path.read_text())
        taken = datetime.fromisoformat(content["timestamp"]).timestamp()
        return Lock(path, int(content["pid"]), content["username"], content["hostname"], taken)
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        return None


def _age_base(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
