"""Processes of a stack that no supervisord of it looks after: found by record and by mark, and ended."""

import os
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from providers.local.paths import cache_directory
from providers.local.plugin import processes
from providers.local.plugin.layout import StackDirectory, read_json
from providers.local.plugin.processes import WORKLOAD_MARK, Identity
from providers.local.plugin.supervisor import SUPERVISORD, Supervisor


def recorded(directory: StackDirectory, workload: str) -> Identity | None:
    """The living process that the launcher recorded for `workload`."""
    identity = Identity.parse(read_json(directory.record(workload)))
    return identity if identity and identity.alive() else None


def living(directory: StackDirectory) -> dict[str, set[int]]:
    """Processes of the stack by workload, whoever looks after them: recorded, marked, recognised, and
    their descendants."""
    rows = processes.table()
    roots = _recognised(directory, rows) | {
        pid: processes.environment(pid).get(WORKLOAD_MARK, "") for pid in processes.marked(directory.root)
    }
    for path in (directory.control / "records").glob("*.json"):
        if identity := recorded(directory, path.stem):
            roots[identity.pid] = path.stem
    # A shell that was given a server's environment is none, nor are we who were started from it.
    us = processes.ancestors(os.getpid(), rows) | {os.getpid()}
    found: dict[str, set[int]] = {}
    for pid, workload in roots.items():
        if pid in us:
            continue
        family = {pid} if workload == SUPERVISORD else processes.tree([pid], rows)
        found.setdefault(workload, set()).update(family - us)
    return found


def _recognised(directory: StackDirectory, rows: Iterable[int]) -> dict[int, str]:
    """Servers by their executable and working directory: one that writes its title over its
    environment, as redis does, has no mark. Without a record, by software of the cache that runs in the
    folder of a server."""
    cache, run = cache_directory(), directory.root / "run"
    places: dict[tuple[str, str], str] = {}
    for name in directory.workloads():
        executable = os.path.realpath((read_json(directory.spec(name)).get("argv") or [""])[0])
        places |= {(executable, str(path)): name for path in (directory.run(name), directory.data(name))}
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
        if place in places:
            found[pid] = places[place]
        elif folder.parent == run and executable.is_relative_to(cache):
            found[pid] = folder.name
    return found


def end_orphans(directory: StackDirectory, supervisor: Supervisor, workload: str | None = None) -> list[str]:
    """End what runs for the stack (or for one workload) outside its living supervisord: each with its
    own stop signal and time, side by side, killed after that. Returns the workloads that had some."""
    kept: set[int] = set()
    if supervisor.alive() and (identity := supervisor.identity()):
        kept = processes.tree([identity.pid], processes.table())
    found = {
        name: pids - kept
        for name, pids in living(directory).items()
        if (workload is None or name == workload) and pids - kept
    }
    # A supervisord that lost its socket would start again what is ended here.
    processes.end(found.pop(SUPERVISORD, set()), signal.SIGKILL)
    if found:
        with ThreadPoolExecutor(len(found)) as pool:
            list(pool.map(lambda item: _end(directory, *item), found.items()))
    return sorted(found)


def _end(directory: StackDirectory, workload: str, pids: set[int]) -> None:
    launch = read_json(directory.spec(workload))
    number = signal.Signals[f"SIG{launch.get('stopSignal', 'TERM')}"]
    processes.end(pids, number, grace=float(launch.get("stopSeconds", 10)))
