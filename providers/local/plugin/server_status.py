"""Reports the servers of a stack. It reads the stack's directory only, so it works without Pulumi's state."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from providers.local.plugin import os_processes
from providers.local.plugin.layout import StackDirectory, read_json
from providers.local.plugin.supervisor import Supervisor


@dataclass(frozen=True)
class ServerStatus:
    """The status of one server.

    `state` is supervisord's (`RUNNING`, `BACKOFF`, `STOPPED`, …), `UNSUPERVISED` when supervisord is dead, or
    `PARKED`. `addresses` maps port names to `host:port`, `memory` is the proportional set size of all its
    processes in bytes, `uptime` is in seconds, and `pid` is 0 when the server is down.
    """

    name: str
    state: str
    addresses: dict[str, str]
    memory: int
    uptime: float
    pid: int


def server_statuses(directory: Path) -> list[ServerStatus]:
    """Return the status of every server of the stack in `directory`, sorted by name. Empty without a
    stack."""
    stack = StackDirectory(directory)
    statuses = Supervisor(stack).statuses()
    rows = os_processes.all_processes()
    found = []
    for name in stack.workload_names():
        launch = read_json(stack.spec_file(name))
        status = statuses.get(name)
        up = status is not None and status.pid > 0
        found.append(
            ServerStatus(
                name=name,
                state=status.state if status else "PARKED" if launch.get("parked") else "UNSUPERVISED",
                addresses={port: f"{launch['bind']}:{number}" for port, number in launch["ports"].items()},
                memory=_proportional_bytes(os_processes.with_descendants([status.pid], rows))
                if status and up
                else 0,
                uptime=max(0.0, time.time() - status.started) if status and up else 0.0,
                pid=status.pid if status else 0,
            )
        )
    return found


def log_path(directory: Path, name: str) -> Path:
    """Return the path of the log of the server or task `name` of the stack in `directory`."""
    return StackDirectory(directory).log_file(name)


def _proportional_bytes(pids: Iterable[int]) -> int:
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
