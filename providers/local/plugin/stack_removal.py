"""Ends a stack's processes and removes the files that it made in its directory, each by its name."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from providers.local.paths import stack_directory
from providers.local.plugin import orphans, ownership
from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.errors import PluginError
from providers.local.plugin.layout import (
    KEEP_DATA_VARIABLE,
    STACK_ENTRIES,
    StackDirectory,
    read_json,
    remove_tree,
)
from providers.local.plugin.ownership import Owner, OwnershipState
from providers.local.plugin.resource_type import PluginContext
from providers.local.plugin.volume import stack_volumes


def keeps_data(directory: StackDirectory) -> bool:
    """Return whether a destroy keeps the stack's data and secrets.

    The environment variable NEBULA_KEEP_DATA decides, and the stack's configuration when the variable is not
    set. Raises PluginError when its value is neither 0 nor 1.
    """
    value = os.environ.get(KEEP_DATA_VARIABLE, "")
    if value not in ("", "0", "1"):
        raise PluginError(
            f"{KEEP_DATA_VARIABLE} is {value!r}: set it to 1 to keep data and secrets, or to 0 to remove "
            "them. Nothing was removed"
        )
    return value == "1" if value else bool(read_json(directory.owner_file).get("keepData"))


def remove_stack_without_state(directory: Path, expected: Owner, keep: bool | None = None) -> list[Path]:
    """End a stack's processes and remove its directory, without Pulumi's state and engine.

    With `keep` its data and secrets stay; None means as `keeps_data` says. Returns the paths in the directory
    that were left because no stack made them. Does nothing when the directory is absent or empty. Raises
    NotOwnedError when the directory does not belong to the stack `expected`, and BusyError while an engine is
    changing it.
    """
    return remove_stack(StackDirectory(directory), expected, keep, PluginContext(EngineClient()))


def remove_stack(
    directory: StackDirectory, expected: Owner, keep: bool | None, context: PluginContext
) -> list[Path]:
    """End a stack's processes and remove its directory, as `remove_stack_without_state` does.

    `owner.json` is removed last, so that an interrupted removal can be repeated. It stays when other files
    stay.
    """
    ownership.require_ownership(directory, expected)
    if ownership.examine(directory, expected).state is OwnershipState.FREE:
        context.directory_lock.remove(directory)
        return []
    context.directory_lock.acquire(directory)
    ownership.require_ownership(directory, expected)
    if keep is None:
        keep = keeps_data(directory)
    created = [Path(path) for path in read_json(directory.owner_file).get("created", [])]
    stop_stack(directory, context)
    left = [] if keep else _remove_volumes(directory)
    if not keep:
        remove_tree(directory.secrets_folder)
    for path in (
        directory.root / "run",
        directory.root / "logs",
        directory.control_socket,
        directory.supervisord_folder,
    ):
        remove_tree(path)
    for path in directory.root.iterdir():
        if path.name.startswith((f".{directory.owner_file.name}.", f"{directory.control_socket.name}.")):
            path.unlink()
        elif path.name not in STACK_ENTRIES:
            left.append(path)
    if not keep and not left:
        left = _remove_root(directory)
    context.directory_lock.remove(directory)
    if not directory.root.exists():
        _remove_empty_parents(directory, created)
    return left


def _remove_root(directory: StackDirectory) -> list[Path]:
    """Remove the directory itself. Returns it when it cannot be removed, for example because it is a mount
    point."""
    directory.owner_file.unlink()
    try:
        directory.root.rmdir()
    except OSError:
        return [directory.root]
    return []


def leftover_message(paths: Sequence[Path]) -> str:
    """Return the message that names the paths that a removal left."""
    return f"Not removed, because no stack made it: {', '.join(map(str, paths))}. Move or delete it yourself."


def stop_stack(directory: StackDirectory, context: PluginContext) -> None:
    """End supervisord, its servers and all other processes of the stack."""
    supervisor = context.supervisor(directory)
    launches = [read_json(directory.spec_file(name)) for name in directory.workload_names()]
    supervisor.shutdown(max((float(launch.get("stopSeconds", 10)) for launch in launches), default=1.0) + 3)
    orphans.end_orphans(directory, supervisor)


def _remove_volumes(directory: StackDirectory) -> list[Path]:
    """Remove the volumes that this stack's servers made, and return the other paths in `data/`."""
    top = directory.root / "data"
    if top.is_symlink():
        return [top]
    if not top.is_dir():
        return []
    for volume in stack_volumes(directory):
        volume.remove()
    left = sorted(top.iterdir())
    if not left:
        top.rmdir()
    return left


def _remove_empty_parents(directory: StackDirectory, created: list[Path]) -> None:
    usual = stack_directory(directory.root.name).parent
    own = [usual] if directory.root.parent == usual else []
    for parent in dict.fromkeys([*own, *reversed(created)]):
        if parent in directory.root.parents:
            with suppress(OSError):  # The parent is not empty: others use it.
                parent.rmdir()
