"""Ends a stack on this machine and removes what it made in its directory, each thing by its name."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from providers.local.paths import stack_directory
from providers.local.plugin import orphans, owner
from providers.local.plugin.engine import Engine
from providers.local.plugin.errors import PluginError
from providers.local.plugin.layout import CHILDREN, KEEP_VARIABLE, StackDirectory, read_json, remove_tree
from providers.local.plugin.owner import Owner, Standing
from providers.local.plugin.resource import Surroundings
from providers.local.plugin.volume import volumes_of


def keep_data(directory: StackDirectory) -> bool:
    """Whether data and secrets stay when the stack is destroyed: as the environment says, else as the stack
    was configured."""
    said = os.environ.get(KEEP_VARIABLE, "")
    if said not in ("", "0", "1"):
        raise PluginError(
            f"{KEEP_VARIABLE} is {said!r}: write 1 to keep data and secrets, or 0. Nothing was removed"
        )
    return said == "1" if said else bool(read_json(directory.owner).get("keepData"))


def remove_from_disk(directory: Path, expected: Owner, keep: bool | None = None) -> list[Path]:
    """End everything of the stack in `directory` and remove it: for a stack whose state is gone.

    With `keep` its data and secrets stay (None: as `keep_data` says). Returns what was left as no
    stack made it. Does nothing when the directory is absent or empty. Raises NotOurOwnError for a directory
    that is not `expected`'s, and BusyError while a pulumi is at work on it.
    """
    return remove(StackDirectory(directory), expected, keep, Surroundings(Engine()))


def remove(directory: StackDirectory, expected: Owner, keep: bool | None, around: Surroundings) -> list[Path]:
    """See `remove_from_disk`. `owner.json` goes last, so that an interrupted removal can be run again; it
    stays beside what is left."""
    owner.demand(directory, expected)
    if owner.examine(directory, expected).standing is Standing.FREE:
        around.lock.remove(directory)
        return []
    around.lock.acquire(directory)
    owner.demand(directory, expected)
    if keep is None:
        keep = keep_data(directory)
    created = [Path(path) for path in read_json(directory.owner).get("created", [])]
    stop_all(directory, around)
    left = [] if keep else _remove_volumes(directory)
    if not keep:
        remove_tree(directory.secrets)
    for path in (directory.root / "run", directory.root / "logs", directory.socket, directory.control):
        remove_tree(path)
    for path in directory.root.iterdir():
        if path.name.startswith((f".{directory.owner.name}.", f"{directory.socket.name}.")):
            path.unlink()
        elif path.name not in CHILDREN:
            left.append(path)
    if not keep and not left:
        left = _remove_root(directory)
    around.lock.remove(directory)
    if not directory.root.exists():
        _remove_empty_parents(directory, created)
    return left


def _remove_root(directory: StackDirectory) -> list[Path]:
    """Remove the directory itself; returns it when it has to stay, as a mount point has."""
    directory.owner.unlink()
    try:
        directory.root.rmdir()
    except OSError:
        return [directory.root]
    return []


def left_behind(paths: Sequence[Path]) -> str:
    """What to tell of files that a removal left."""
    return f"Left as it is, since no stack made it: {', '.join(map(str, paths))}. Move or delete it yourself."


def stop_all(directory: StackDirectory, around: Surroundings) -> None:
    """End supervisord, its servers and whatever else runs for the stack."""
    supervisor = around.supervisor(directory)
    launches = [read_json(directory.spec(name)) for name in directory.workloads()]
    supervisor.shutdown(max((float(launch.get("stopSeconds", 10)) for launch in launches), default=1.0) + 3)
    orphans.end_orphans(directory, supervisor)


def _remove_volumes(directory: StackDirectory) -> list[Path]:
    """Remove the volumes that this stack's servers made; returns what else lies there."""
    top = directory.root / "data"
    if top.is_symlink():
        return [top]
    if not top.is_dir():
        return []
    for volume in volumes_of(directory):
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
            with suppress(OSError):  # not empty: somebody else's
                parent.rmdir()
