"""Locks of the file backend: one file for each engine that works on a stack.

A killed engine leaves its lock, and the engine then refuses the stack for ever. A lock whose
process is gone from this machine is cleared; any other is respected.
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
"""A lock is written in milliseconds: one older than this that cannot be read was cut short."""


@dataclass(frozen=True)
class Lock:
    """The lock in `path`, taken by process `pid` on `hostname` at `taken` (seconds since 1970)."""

    path: Path
    pid: int
    username: str
    hostname: str
    taken: float

    def is_held(self) -> bool:
        """Whether the process that took it lives on this machine (a younger one reuses its pid)."""
        try:
            process = psutil.Process(self.pid)
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.create_time() <= self.taken + _CLOCK_SLACK_SECONDS
            )
        except psutil.NoSuchProcess:
            return False


def clear_stale_locks(state: Path, project: str, stack: str) -> list[str]:
    """Remove the locks on `stack` that dead processes of this machine left; a line on each.

    Raises StackBusyError, having touched nothing, when an engine at work or another machine holds one.
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
                f"Stack {stack!r} was locked by {lock.username}@{lock.hostname} (pid {lock.pid}), on another "
                f'machine. If nothing works on it there, run: eval "$(make -s env)"; pulumi cancel {stack}'
            )
        elif lock.is_held():
            raise StackBusyError(
                f"Another engine (pid {lock.pid}, user {lock.username}) is working on stack {stack!r}. "
                "Nothing was touched: wait until it ends, or stop it with Ctrl-C."
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
