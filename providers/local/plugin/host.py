"""The Host: a stack's directory and its supervisord. Everything else of the stack depends on it."""

import os
import shutil
import sys
from pathlib import Path

from providers.local.path_safety import problem_of
from providers.local.paths import CACHED, cache_directory
from providers.local.plugin import orphans, owner, ports, processes
from providers.local.plugin.errors import NotOurOwnError
from providers.local.plugin.layout import SOCKET_LIMIT, StackDirectory, read_json
from providers.local.plugin.owner import Owner, Standing
from providers.local.plugin.processes import DIRECTORY_MARK
from providers.local.plugin.properties import Properties, differences, has_unknown
from providers.local.plugin.removal import keep_data, left_behind, remove, stop_all
from providers.local.plugin.resource import Changes, Failure, Surroundings, with_drift

FREE_SPACE_GIB = 2
_TEMPORARY_SOCKET = 11
"""supervisord first binds `<socket>.<pid>`."""


class Host:
    """Resource type Host."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings

    def check(self, urn: str, inputs: Properties) -> list[Failure]:
        """Refuses a directory that no stack could have. Whose it is and who listens on its ports is another
        matter: a preview tells, since it touches neither, and `create` and `update` refuse."""
        if has_unknown(inputs.get("directory")):
            return []
        directory = StackDirectory(Path(inputs["directory"]))
        claim = owner.examine(directory, Owner.of(urn))
        foreign = claim.reason if claim.standing is Standing.FOREIGN else None
        problems = [_path_problem(directory), foreign, _cache_problem()]
        failures = [Failure("directory", problem) for problem in problems if problem]
        return failures or [Failure("directory", problem) for problem in _space_problems(directory)]

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Changes:
        changes = Changes(inputs=differences(old, inputs))
        if "directory" in changes.inputs:
            _demand_empty(StackDirectory(Path(state["directory"])), urn, str(inputs["directory"]))
            changes.replace.append("directory")
        changes.reality = self._drift(StackDirectory(Path(state["directory"])), old)
        changes.reality += ["ports"] if _conflicts(urn, inputs) else []
        return changes

    def _drift(self, directory: StackDirectory, inputs: Properties) -> list[str]:
        supervisor = self._around.supervisor(directory)
        alive = supervisor.alive()
        healthy = directory.owner.exists() and alive is not bool(inputs.get("parked"))
        return [] if healthy and (not alive or supervisor.is_current()) else ["supervisord"]

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        for problem in _conflicts(urn, inputs):
            self._around.engine.warn(urn, f"{problem}. `pulumi up` will refuse")
        return {"directory": inputs["directory"]}

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        if problems := _conflicts(urn, inputs):
            raise NotOurOwnError(f"{'; '.join(problems)}. Nothing was changed")
        directory = StackDirectory(Path(inputs["directory"]))
        made = directory.make_parents()
        self._around.enter(directory, urn)
        created = made or read_json(directory.owner).get("created", [])
        directory.make_root()
        owner.record(directory, Owner.of(urn), keep_data=bool(inputs.get("keepData")), created=created)
        directory.make()
        supervisor = self._around.supervisor(directory)
        if inputs.get("parked"):
            stop_all(directory, self._around)
            self._around.swept.add(directory.root)
            return str(directory.root), {"directory": str(directory.root)}
        ended = orphans.end_orphans(directory, supervisor)
        self._around.swept.add(directory.root)
        if ended:
            self._around.engine.warn(urn, f"ended processes left by an earlier run: {', '.join(ended)}")
        if not supervisor.alive() or not supervisor.is_current():
            stop_all(directory, self._around)
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
        left = remove(directory, Owner.of(urn), keep_data(directory), self._around)
        if left:
            self._around.engine.warn(urn, left_behind(left))


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


def _conflicts(urn: str, inputs: Properties) -> list[str]:
    """What others have that the stack wants: its directory, or its ports."""
    if has_unknown(inputs.get("directory")):
        return []
    directory, expected = StackDirectory(Path(inputs["directory"])), Owner.of(urn)
    claim = owner.examine(directory, expected)
    if claim.reason:
        return [owner.refusal(claim, expected)]
    if inputs.get("parked"):
        return []  # nothing will listen
    wanted = {
        int(number): name for name, number in (inputs.get("ports") or {}).items() if not has_unknown(number)
    }
    return _port_problems(directory, wanted)


def _demand_empty(before: StackDirectory, urn: str, wanted: str) -> None:
    """A stack that moves leaves nothing behind that the engine would then remove."""
    if owner.examine(before, Owner.of(urn)).standing is not Standing.FREE:
        raise NotOurOwnError(
            f"the stack lies in {before.root}, and local.directory says {wanted}: its data would be removed. "
            f"Park it (power: parked, `pulumi up`) and move it yourself (mv {before.root} {wanted}) before "
            "you say so, or take it down first. Nothing was changed"
        )


def _cache_problem() -> str | None:
    """Why programs should not be run from the cache."""
    cache = cache_directory()
    problem = next(filter(None, map(problem_of, (cache, *(cache / name for name in CACHED)))), None)
    return f"the cache of software is not safe: {problem}" if problem else None


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
