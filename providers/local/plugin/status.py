"""What runs in a stack's directory, read from the directory alone."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from providers.local.plugin import processes
from providers.local.plugin.layout import StackDirectory, read_json
from providers.local.plugin.supervisor import Supervisor


@dataclass(frozen=True)
class ServerStatus:
    """A server of the stack. `state` is supervisord's (`RUNNING`, `BACKOFF`, `STOPPED`, ...),
    `UNSUPERVISED` without supervisord, `PARKED` when the stack is. `addresses` maps port names to
    `host:port`, `memory` is the proportional set size of all its processes in bytes, `uptime` is in
    seconds, `pid` 0 when it is down."""

    name: str
    state: str
    addresses: dict[str, str]
    memory: int
    uptime: float
    pid: int


def servers(directory: Path) -> list[ServerStatus]:
    """Every server of the stack in `directory` by name; empty when nothing is there."""
    stack = StackDirectory(directory)
    statuses = Supervisor(stack).statuses()
    rows = processes.table()
    found = []
    for name in stack.workloads():
        launch = read_json(stack.spec(name))
        status = statuses.get(name)
        up = status is not None and status.pid > 0
        found.append(
            ServerStatus(
                name=name,
                state=status.state if status else "PARKED" if launch.get("parked") else "UNSUPERVISED",
                addresses={port: f"{launch['bind']}:{number}" for port, number in launch["ports"].items()},
                memory=_proportional_bytes(processes.tree([status.pid], rows)) if status and up else 0,
                uptime=max(0.0, time.time() - status.started) if status and up else 0.0,
                pid=status.pid if status else 0,
            )
        )
    return found


def log_path(directory: Path, name: str) -> Path:
    """The log of a server or task of the stack in `directory`."""
    return StackDirectory(directory).log(name)


def _proportional_bytes(pids: Iterable[int]) -> int:
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
