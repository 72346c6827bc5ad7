"""The control groups of the pods, below one group of the testbed's in every mounted hierarchy."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from tests.testbed.errors import HostError

ROOT = "nebula-testbed"
"""The group, of each hierarchy, that the kubelet puts its pods' groups into."""

_MOUNTS = Path("/proc/self/mounts")
_END_SECONDS = 20.0


def create() -> None:
    """Create the testbed's group in every hierarchy."""
    for hierarchy in _hierarchies():
        (hierarchy / ROOT).mkdir(exist_ok=True)


def existing() -> list[Path]:
    """Return the testbed's groups that exist, the innermost first."""
    return [
        Path(folder)
        for hierarchy in _hierarchies()
        for folder, _, _ in os.walk(hierarchy / ROOT, topdown=False)
        if (hierarchy / ROOT).is_dir()
    ]


def processes() -> set[int]:
    """Return the pids of the processes of all pods."""
    found: set[int] = set()
    for group in existing():
        with contextlib.suppress(FileNotFoundError, OSError):
            found.update(int(pid) for pid in (group / "cgroup.procs").read_text().split())
    return found


def kill() -> None:
    """Kill the processes of all pods. Raises HostError when the kernel cannot end one."""
    deadline = time.monotonic() + _END_SECONDS
    while pids := processes():
        if time.monotonic() > deadline:
            raise HostError(f"Processes of pods do not end: {sorted(pids)}. Look at them with ps.")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def remove() -> None:
    """Remove the testbed's groups, whose processes must have ended."""
    for group in existing():
        with contextlib.suppress(FileNotFoundError):
            group.rmdir()


def _hierarchies() -> Iterator[Path]:
    """Yield the mounted hierarchies: one for each controller in version 1, one for all in version 2. Some
    machines have both."""
    for line in _MOUNTS.read_text().splitlines():
        _, place, kind, _ = line.split(maxsplit=3)
        if kind in ("cgroup", "cgroup2"):
            yield Path(place)
