"""The Host: a stack's directory and its supervisord. Everything else of the stack depends on it."""

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from providers.local.paths import cache_directory
from providers.local.plugin import orphans, ports, processes
from providers.local.plugin.engine import Engine
from providers.local.plugin.errors import OwnedElsewhereError
from providers.local.plugin.layout import (
    SOCKET_LIMIT,
    StackDirectory,
    read_json,
    remove_tree,
    write_atomically,
)
from providers.local.plugin.processes import DIRECTORY_MARK
from providers.local.plugin.properties import Properties, differences, has_unknown
from providers.local.plugin.resource import Changes, Failure, Surroundings, with_drift

FREE_SPACE_GIB = 2
KEEP_VARIABLE = "NEBULA_KEEP_DATA"
_TEMPORARY_SOCKET = 11
"""supervisord first binds `<socket>.<pid>`."""


class Host:
    """Resource type Host."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings

    def check(self, inputs: Properties) -> list[Failure]:
        if has_unknown(inputs.get("directory")):
            return []
        directory = StackDirectory(Path(inputs["directory"]))
        problems = [_path_problem(directory), _owner_problem(directory, str(inputs.get("checkout")))]
        failures = [Failure("directory", problem) for problem in problems if problem]
        if failures:
            return failures
        failures += [Failure("directory", problem) for problem in _space_problems(directory)]
        if inputs.get("parked"):
            return failures  # nothing will listen
        wanted = {
            int(number): name
            for name, number in (inputs.get("ports") or {}).items()
            if not has_unknown(number)
        }
        return failures + [Failure("ports", problem) for problem in _port_problems(directory, wanted)]

    def diff(self, state: Properties, old: Properties, inputs: Properties) -> Changes:
        changes = Changes(inputs=differences(old, inputs))
        if "directory" in changes.inputs:
            changes.replace.append("directory")
        changes.reality = self._drift(StackDirectory(Path(state["directory"])), old)
        return changes

    def _drift(self, directory: StackDirectory, inputs: Properties) -> list[str]:
        alive = self._around.supervisor(directory).alive()
        healthy = directory.owner.exists() and alive is not bool(inputs.get("parked"))
        return [] if healthy else ["supervisord"]

    def preview(self, state: Properties, old: Properties, inputs: Properties) -> Properties:
        return {"directory": inputs["directory"]}

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        directory = StackDirectory(Path(inputs["directory"]))
        if problem := _owner_problem(directory, inputs["checkout"]):
            raise OwnedElsewhereError(problem)
        made = directory.make_parents()
        self._around.lock.acquire(directory)
        created = read_json(directory.owner).get("created", [])
        directory.make()
        owner = {
            "stack": inputs["stack"],
            "checkout": inputs["checkout"],
            "keepData": bool(inputs.get("keepData")),
            "created": made or created,
        }
        write_atomically(directory.owner, json.dumps(owner))
        supervisor = self._around.supervisor(directory)
        if inputs.get("parked"):
            _stop_all(directory, self._around)
            self._around.swept.add(directory.root)
            return str(directory.root), {"directory": str(directory.root)}
        ended = orphans.end_orphans(directory, supervisor)
        self._around.swept.add(directory.root)
        if ended:
            self._around.engine.warn(urn, f"ended processes left by an earlier run: {', '.join(ended)}")
        if not supervisor.alive():
            supervisor.shutdown(0)
            supervisor.start()
        return str(directory.root), {"directory": str(directory.root)}

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        return self.create(urn, inputs)[1]

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        directory = StackDirectory(Path(state["directory"]))
        if not directory.root.exists():
            return None
        return with_drift(state, self._drift(directory, inputs))

    def delete(self, urn: str, state: Properties) -> None:
        directory = StackDirectory(Path(state["directory"]))
        _remove(directory, keep_data(directory), self._around)


def keep_data(directory: StackDirectory) -> bool:
    """Whether data and secrets stay when the stack is destroyed."""
    return os.environ.get(KEEP_VARIABLE) == "1" or bool(read_json(directory.owner).get("keepData"))


def remove(directory: Path, keep: bool | None = None) -> None:
    """End everything of the stack in `directory` and remove it: for a stack whose state is gone.

    With `keep` its data and secrets stay (None: as the stack was configured). Does nothing when the
    directory does not exist. Raises BusyError while a pulumi is at work on it.
    """
    _remove(StackDirectory(directory), keep, Surroundings(Engine()))


def _remove(directory: StackDirectory, keep: bool | None, around: Surroundings) -> None:
    if not directory.root.exists():
        around.lock.remove(directory)
        return
    around.lock.acquire(directory)
    if keep is None:
        keep = keep_data(directory)
    _stop_all(directory, around)
    created = read_json(directory.owner).get("created", [])
    kept = {"data", "secrets", directory.owner.name} if keep else set()
    for path in directory.root.iterdir():
        if path.name not in kept:
            remove_tree(path)
    if not keep:
        directory.root.rmdir()
    around.lock.remove(directory)
    if not keep:
        _remove_empty_parents(directory, created)


def _stop_all(directory: StackDirectory, around: Surroundings) -> None:
    """End supervisord, its servers and whatever else runs for the stack."""
    supervisor = around.supervisor(directory)
    launches = [read_json(directory.spec(name)) for name in directory.workloads()]
    supervisor.shutdown(max((float(launch.get("stopSeconds", 10)) for launch in launches), default=1.0) + 3)
    orphans.end_orphans(directory, supervisor)


def _remove_empty_parents(directory: StackDirectory, created: list[str]) -> None:
    parents = [directory.root.parent] if directory.root.parent.name == "nebula" else []
    for parent in dict.fromkeys([*parents, *(Path(path) for path in reversed(created))]):
        with suppress(OSError):  # not empty: somebody else's
            parent.rmdir()


def _path_problem(directory: StackDirectory) -> str | None:
    longest = len(os.fsencode(directory.socket)) + _TEMPORARY_SOCKET
    if not directory.root.is_absolute():
        return f"{directory.root} is not an absolute path"
    if longest > SOCKET_LIMIT:
        return (
            f"{directory.root} is {longest - SOCKET_LIMIT} bytes too long: its sockets' paths may have "
            f"{SOCKET_LIMIT}; choose a shorter stack name, or a shorter XDG_STATE_HOME"
        )
    if any(mark in f"{directory.root}{sys.executable}{__file__}" for mark in (" ;", " #", "\n", "'", '"')):
        return (
            f"{directory.root} or {sys.executable} holds quotes, ` ;` or ` #`, which supervisord cannot read"
        )
    existing = _existing(directory.root)
    if not os.access(existing, os.W_OK | os.X_OK):
        user = ports.user_name(os.geteuid())
        return f"{existing} is not writable for {user}; give it to {user}, or set XDG_STATE_HOME elsewhere"
    return None


def _owner_problem(directory: StackDirectory, checkout: str) -> str | None:
    owner = read_json(directory.owner)
    other = owner.get("checkout")
    if not other or other == checkout or not any(orphans.living(directory).values()):
        return None
    return (
        f"{directory.root} belongs to the checkout {other}, whose servers are running; "
        "run `make down` there, or give this stack another name (`pulumi stack init <name>`)"
    )


def _space_problems(directory: StackDirectory) -> list[str]:
    if directory.owner.exists():
        return []
    problems: dict[int, str] = {}
    for path, variable in ((directory.root, "XDG_STATE_HOME"), (cache_directory(), "XDG_CACHE_HOME")):
        existing = _existing(path)
        free = shutil.disk_usage(existing).free / 2**30
        if free < FREE_SPACE_GIB:
            elsewhere = "" if os.geteuid() == 0 else f", or set {variable} to a larger disk"
            problems[existing.stat().st_dev] = (
                f"{path}: {free:.1f} GiB are free on its file system and {FREE_SPACE_GIB} GiB are needed; "
                f"free some space{elsewhere}"
            )
    return list(problems.values())


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _port_problems(directory: StackDirectory, wanted: dict[int, str]) -> list[str]:
    found = {listener.port: listener for listener in ports.listeners(wanted)}
    pids = _holders(directory, {listener.inode for listener in found.values()})
    problems = []
    for port, name in sorted(wanted.items()):
        workload, _, port_name = name.partition(".")
        where = f"port {port} of {workload} ({port_name})" if port_name else f"port {port} of {workload}"
        remedy = "or move all ports: `local: {port_offset: 1000}` under nebula:platform in the stack file"
        listener = found.get(port)
        if listener is None:
            if reason := ports.refusal(port):
                problems.append(f"{where}: {reason}; close it, {remedy}")
            continue
        pid = pids.get(listener.inode)
        if pid is None:
            user = ports.user_name(listener.user)
            problems.append(f"{where} is taken by a process of user {user}; stop it, {remedy}")
        elif pid > 0:
            stack = processes.environment(pid).get(DIRECTORY_MARK)
            of_stack = f" of the stack in {stack}" if stack else ""
            problems.append(
                f"{where} is taken by pid {pid}{of_stack}: {processes.program(pid)}; stop it, {remedy}"
            )
    return problems


def _holders(directory: StackDirectory, inodes: set[int]) -> dict[int, int]:
    """Socket inode to the pid that holds it, -1 when that is a process of this stack."""
    if not inodes:
        return {}
    rows = processes.table()
    records = [path.stem for path in (directory.control / "records").glob("*.json")]
    roots = [identity.pid for name in records if (identity := orphans.recorded(directory, name))]
    own = ports.holders(inodes, processes.tree(roots, rows))
    foreign = ports.holders(inodes - own.keys(), sorted(rows)) if inodes - own.keys() else {}
    if foreign:
        marked = {pid for pids in orphans.living(directory).values() for pid in pids}
        foreign = {inode: -1 if pid in marked else pid for inode, pid in foreign.items()}
    return {**foreign, **dict.fromkeys(own, -1)}
