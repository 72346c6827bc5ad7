"""Finds the processes of a stack, and ends its orphans.

An orphan is a process of the stack that does not descend from the stack's living supervisord.
"""

import os
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from providers.local.paths import cache_directory
from providers.local.plugin import os_processes
from providers.local.plugin.layout import StackDirectory, read_json
from providers.local.plugin.os_processes import WORKLOAD_VARIABLE, ProcessIdentity
from providers.local.plugin.supervisor import SUPERVISORD, Supervisor


def recorded_process(directory: StackDirectory, workload: str) -> ProcessIdentity | None:
    """Return the process that the launcher recorded for `workload`, or None when it has ended."""
    identity = ProcessIdentity.from_record(read_json(directory.record_file(workload)))
    return identity if identity and identity.is_alive() else None


def running_processes(directory: StackDirectory) -> dict[str, set[int]]:
    """Return the pids of the stack's processes by workload, supervised or not.

    A process belongs to the stack when it is recorded, has the stack's environment variables, runs the
    executable of a server in its folder, or descends from such a process.
    """
    rows = os_processes.all_processes()
    roots = _recognised(directory, rows) | {
        pid: os_processes.environment_of(pid).get(WORKLOAD_VARIABLE, "")
        for pid in os_processes.marked_processes(directory.root)
    }
    for path in (directory.supervisord_folder / "records").glob("*.json"):
        if identity := recorded_process(directory, path.stem):
            roots[identity.pid] = path.stem
    # A shell that a user gave a server's environment is not a server, nor is this process, started from it.
    us = os_processes.ancestors(os.getpid(), rows) | {os.getpid()}
    found: dict[str, set[int]] = {}
    for pid, workload in roots.items():
        if pid in us:
            continue
        family = {pid} if workload == SUPERVISORD else os_processes.with_descendants([pid], rows)
        found.setdefault(workload, set()).update(family - us)
    return found


def _recognised(directory: StackDirectory, rows: Iterable[int]) -> dict[int, str]:
    """Return the servers that are known by executable and working directory: pid to workload.

    Redis, for one, overwrites its environment with its title, so that its variables are gone. A server
    without a spec is known by an executable in the cache and a working directory in `run/`.
    """
    cache, run = cache_directory(), directory.root / "run"
    known: dict[tuple[str, str], str] = {}
    for name in directory.workload_names():
        executable = os.path.realpath((read_json(directory.spec_file(name)).get("argv") or [""])[0])
        known |= {
            (executable, str(path)): name
            for path in (directory.run_folder(name), directory.data_folder(name))
        }
    found = {}
    for pid in rows:
        try:
            place = (
                os.readlink(f"/proc/{pid}/exe"),
                os.readlink(f"/proc/{pid}/cwd").removesuffix(" (deleted)"),
            )
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        executable, folder = Path(place[0]), Path(place[1])
        if place in known:
            found[pid] = known[place]
        elif folder.parent == run and executable.is_relative_to(cache):
            found[pid] = folder.name
    return found


def end_orphans(directory: StackDirectory, supervisor: Supervisor, workload: str | None = None) -> list[str]:
    """End the orphans of the stack, or only those of `workload`, and return the names of their workloads.

    All are stopped at the same time, each with its workload's stop signal, and killed when its stop time is
    over.
    """
    kept: set[int] = set()
    if supervisor.is_alive() and (identity := supervisor.identity()):
        kept = os_processes.with_descendants([identity.pid], os_processes.all_processes())
    found = {
        name: pids - kept
        for name, pids in running_processes(directory).items()
        if (workload is None or name == workload) and pids - kept
    }
    # A supervisord that lost its socket goes first: it would restart the servers that are ended here.
    os_processes.end_processes(found.pop(SUPERVISORD, set()), signal.SIGKILL)
    if found:
        with ThreadPoolExecutor(len(found)) as pool:
            list(pool.map(lambda item: _end(directory, *item), found.items()))
    return sorted(found)


def _end(directory: StackDirectory, workload: str, pids: set[int]) -> None:
    launch = read_json(directory.spec_file(workload))
    number = signal.Signals[f"SIG{launch.get('stopSignal', 'TERM')}"]
    os_processes.end_processes(pids, number, grace=float(launch.get("stopSeconds", 10)))
