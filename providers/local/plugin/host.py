"""The resource type Host: a stack's directory and its supervisord. Every other resource depends on it."""

import os
import shutil
import sys
from pathlib import Path

from providers.local.path_safety import path_problem
from providers.local.paths import CACHE_ENTRIES, cache_directory
from providers.local.plugin import listeners, orphans, os_processes, ownership
from providers.local.plugin.accounts import user_name
from providers.local.plugin.errors import NotOwnedError
from providers.local.plugin.layout import SOCKET_LIMIT, StackDirectory, read_json
from providers.local.plugin.os_processes import DIRECTORY_VARIABLE
from providers.local.plugin.ownership import Owner, OwnershipState
from providers.local.plugin.properties import Properties, differences, has_unknown
from providers.local.plugin.resource_type import CheckFailure, PluginContext, ResourceDiff, with_drift
from providers.local.plugin.stack_removal import keeps_data, leftover_message, remove_stack, stop_stack

FREE_SPACE_GIB = 2
_TEMPORARY_SOCKET = 11
"""Bytes that supervisord adds to the socket's path, since it first binds `<socket>.<pid>`."""


class HostType:
    """Implements the resource type Host."""

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    def check(self, urn: str, inputs: Properties) -> list[CheckFailure]:
        """Refuse a directory that no stack can use, and a full disk.

        A directory or port that another stack or program has is reported elsewhere: `preview` warns about it,
        because it changes neither, and `create` and `update` refuse it.
        """
        if has_unknown(inputs.get("directory")):
            return []
        directory = StackDirectory(Path(inputs["directory"]))
        found = ownership.examine(directory, Owner.from_urn(urn))
        unusable = found.reason if found.state is OwnershipState.UNUSABLE else None
        problems = [_path_problem(directory), unusable, _cache_problem()]
        failures = [CheckFailure("directory", problem) for problem in problems if problem]
        return failures or [CheckFailure("directory", problem) for problem in _space_problems(directory)]

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> ResourceDiff:
        changes = ResourceDiff(inputs=differences(old, inputs))
        if "directory" in changes.inputs:
            _require_free(StackDirectory(Path(state["directory"])), urn, str(inputs["directory"]))
            changes.replace.append("directory")
        changes.drift = self._drift(StackDirectory(Path(state["directory"])), old)
        changes.drift += ["ports"] if _conflicts(urn, inputs) else []
        return changes

    def _drift(self, directory: StackDirectory, inputs: Properties) -> list[str]:
        supervisor = self._context.supervisor(directory)
        alive = supervisor.is_alive()
        healthy = directory.owner_file.exists() and alive is not bool(inputs.get("parked"))
        return [] if healthy and (not alive or supervisor.runs_on_this_python()) else ["supervisord"]

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        for problem in _conflicts(urn, inputs):
            self._context.engine.warn(urn, f"{problem}. `pulumi up` will refuse")
        return {"directory": inputs["directory"]}

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        if problems := _conflicts(urn, inputs):
            raise NotOwnedError(f"{'; '.join(problems)}. Nothing was changed")
        directory = StackDirectory(Path(inputs["directory"]))
        made = directory.create_parents()
        self._context.begin_changes(directory, urn)
        created = made or read_json(directory.owner_file).get("created", [])
        directory.create_root()
        ownership.write_owner_file(
            directory, Owner.from_urn(urn), keep_data=bool(inputs.get("keepData")), created=created
        )
        directory.create_folders()
        supervisor = self._context.supervisor(directory)
        if inputs.get("parked"):
            stop_stack(directory, self._context)
            self._context.orphans_ended.add(directory.root)
            return str(directory.root), {"directory": str(directory.root)}
        ended = orphans.end_orphans(directory, supervisor)
        self._context.orphans_ended.add(directory.root)
        if ended:
            self._context.engine.warn(urn, f"ended processes that an earlier run left: {', '.join(ended)}")
        if not supervisor.is_alive() or not supervisor.runs_on_this_python():
            stop_stack(directory, self._context)
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
        left = remove_stack(directory, Owner.from_urn(urn), keeps_data(directory), self._context)
        if left:
            self._context.engine.warn(urn, leftover_message(left))


def _path_problem(directory: StackDirectory) -> str | None:
    longest = len(os.fsencode(directory.control_socket)) + _TEMPORARY_SOCKET
    if not directory.root.is_absolute():
        return f"{directory.root} is not an absolute path: write the whole path, from / on"
    if longest > SOCKET_LIMIT:
        return (
            f"{directory.root} is {longest - SOCKET_LIMIT} bytes too long, because the path of a Unix "
            f"socket in it may have {SOCKET_LIMIT}. Choose a shorter stack name, or a shorter XDG_STATE_HOME"
        )
    if any(mark in f"{directory.root}{sys.executable}{__file__}" for mark in (" ;", " #", "\n", "'", '"')):
        return (
            f"{directory.root} or {sys.executable} contains quotes, ` ;` or ` #`, which supervisord cannot "
            "read. Move the stack (`local.directory`) or the checkout to a path without them"
        )
    existing = _existing(directory.root)
    if not os.access(existing, os.W_OK | os.X_OK):
        user = user_name(os.geteuid())
        return f"{existing} is not writable for {user}. Give it to {user}, or set XDG_STATE_HOME"
    return None


def _conflicts(urn: str, inputs: Properties) -> list[str]:
    """Return why the stack cannot have its directory or its ports, one sentence for each."""
    if has_unknown(inputs.get("directory")):
        return []
    directory, expected = StackDirectory(Path(inputs["directory"])), Owner.from_urn(urn)
    found = ownership.examine(directory, expected)
    if found.reason:
        return [ownership.refusal_message(found, expected)]
    if inputs.get("parked"):
        return []  # A parked stack listens on no port.
    wanted = {
        int(number): name for name, number in (inputs.get("ports") or {}).items() if not has_unknown(number)
    }
    return _port_problems(directory, wanted)


def _require_free(before: StackDirectory, urn: str, wanted: str) -> None:
    """Raise NotOwnedError unless the stack's previous directory is free.

    The engine replaces the Host when its directory changes, and would remove the data in the previous one.
    """
    if ownership.examine(before, Owner.from_urn(urn)).state is not OwnershipState.FREE:
        raise NotOwnedError(
            f"local.directory says {wanted}, but the stack's files are in {before.root} and would be "
            "removed. "
            f"To keep them, park the stack (power: parked, `pulumi up`), move them (mv {before.root} "
            f"{wanted}) and then change local.directory; or take the stack down first. Nothing was changed"
        )


def _cache_problem() -> str | None:
    """Return why another user could replace the software in the cache, or None."""
    cache = cache_directory()
    problem = next(filter(None, map(path_problem, (cache, *(cache / name for name in CACHE_ENTRIES)))), None)
    return f"the cache of software is not safe: {problem}" if problem else None


def _space_problems(directory: StackDirectory) -> list[str]:
    if directory.owner_file.exists():
        return []
    problems: dict[int, str] = {}
    for path, variable in ((directory.root, "XDG_STATE_HOME"), (cache_directory(), "XDG_CACHE_HOME")):
        existing = _existing(path)
        free = shutil.disk_usage(existing).free / 2**30
        if free < FREE_SPACE_GIB:
            elsewhere = "" if os.geteuid() == 0 else f", or set {variable} to a larger disk"
            problems[existing.stat().st_dev] = (
                f"{path}: its file system has {free:.1f} GiB free and {FREE_SPACE_GIB} GiB are needed; "
                f"free some space{elsewhere}"
            )
    return list(problems.values())


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _port_problems(directory: StackDirectory, wanted: dict[int, str]) -> list[str]:
    found = {listener.port: listener for listener in listeners.find_listeners(wanted)}
    pids = _holders(directory, {listener.inode for listener in found.values()})
    problems = []
    for port, name in sorted(wanted.items()):
        workload, _, port_name = name.partition(".")
        where = f"port {port} of {workload} ({port_name})" if port_name else f"port {port} of {workload}"
        remedy = "or move all ports: `local: {port_offset: 1000}` under nebula:platform in the stack file"
        listener = found.get(port)
        if listener is None:
            if reason := listeners.bind_problem(port):
                problems.append(f"{where}: {reason}; close it, {remedy}")
            continue
        pid = pids.get(listener.inode)
        if pid is None:
            user = user_name(listener.user)
            problems.append(f"{where} is taken by a process of user {user}; stop it, {remedy}")
        elif pid > 0:
            stack = os_processes.environment_of(pid).get(DIRECTORY_VARIABLE)
            of_stack = f" of the stack in {stack}" if stack else ""
            problems.append(
                f"{where} is taken by pid {pid}{of_stack}: {os_processes.command_summary(pid)}; stop it, "
                f"{remedy}"
            )
    return problems


def _holders(directory: StackDirectory, inodes: set[int]) -> dict[int, int]:
    """Return the pid that has each socket open: inode to pid, or to -1 for a process of this stack."""
    if not inodes:
        return {}
    rows = os_processes.all_processes()
    records = [path.stem for path in (directory.supervisord_folder / "records").glob("*.json")]
    roots = [identity.pid for name in records if (identity := orphans.recorded_process(directory, name))]
    own = listeners.socket_holders(inodes, os_processes.with_descendants(roots, rows))
    foreign = listeners.socket_holders(inodes - own.keys(), sorted(rows)) if inodes - own.keys() else {}
    if foreign:
        marked = {pid for pids in orphans.running_processes(directory).values() for pid in pids}
        foreign = {inode: -1 if pid in marked else pid for inode, pid in foreign.items()}
    return {**foreign, **dict.fromkeys(own, -1)}
