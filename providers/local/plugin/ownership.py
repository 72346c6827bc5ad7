"""Proves which stack a directory belongs to, before anything in it is stopped, changed or removed.

`owner.json` in the directory names the checkout and the stack that made it. It is the first file written and
the last removed, so that the directory of an interrupted run is still recognised.
"""

import json
import os
import stat
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from providers.local.path_safety import path_problem
from providers.local.plugin import orphans
from providers.local.plugin.accounts import user_name
from providers.local.plugin.errors import NotOwnedError
from providers.local.plugin.layout import STACK_ENTRIES, StackDirectory, read_json, write_atomically

_DISTINCTIVE_ENTRIES = frozenset({"supervisord", "data", "secrets"})
"""Entries that only a stack's directory has. One of them identifies it when its owner.json is gone."""

CHECKOUT = Path(__file__).resolve().parents[3]
"""The checkout (git clone) that this plugin runs from."""


@dataclass(frozen=True)
class Owner:
    """Identifies a stack on this machine: its name, and the path of the checkout that it is run from."""

    checkout: str
    stack: str

    @classmethod
    def from_urn(cls, urn: str) -> "Owner":
        """Return the stack that a resource's URN names, in this plugin's checkout."""
        # urn:pulumi:<stack>::<project>::…
        return cls(str(CHECKOUT), urn.split("::")[0].removeprefix("urn:pulumi:"))


class OwnershipState(Enum):
    """The answers to the question whose a directory is, seen from one stack."""

    FREE = "absent or empty"
    OWN = "made by this stack"
    OTHER_STACK = "made by another stack, whose checkout exists"
    ORPHANED = "made by a stack that is unknown, or whose checkout is gone"
    UNUSABLE = "not a stack's directory, or not safe to use"


@dataclass(frozen=True)
class Ownership:
    """The result of `examine`. `reason` says why the directory is refused, and is empty for FREE and OWN."""

    state: OwnershipState
    reason: str = ""


def examine(directory: StackDirectory, owner: Owner) -> Ownership:
    """Find out whether `directory` is free, belongs to the stack `owner`, or must be refused. Changes
    nothing."""
    root = directory.root
    if not root.is_absolute() or ".." in root.parts:
        return _unusable(f"{root} is not an absolute path without `..`. Choose another `local.directory`")
    # The lock lies beside the directory, so the parent must not let other users create files, as /tmp does.
    if problem := path_problem(root) or path_problem(root.parent):
        return _unusable(problem)
    if outer := next((path for path in root.parents if _is_stack(path)), None):
        return _unusable(
            f"{root} lies in the directory of another stack, {outer}, and would be removed with it. Choose "
            "another `local.directory`"
        )
    try:
        found = root.lstat()
    except FileNotFoundError:
        return _free(directory)
    except OSError as error:
        return _unusable(f"{root} cannot be examined: {error.strerror}. Give this user access to it")
    if not stat.S_ISDIR(found.st_mode):
        return _unusable(
            f"{root} is not a directory (a link is not accepted). Choose another `local.directory`"
        )
    if found.st_uid != os.geteuid():
        return _unusable(
            f"{root} belongs to user {user_name(found.st_uid)}, not to {user_name(os.geteuid())}. Choose "
            "another `local.directory`"
        )
    try:
        names = set(os.listdir(root))
    except PermissionError:
        return _unusable(f"{root} cannot be read. Give this user access to it: chmod u+rx '{root}'")
    names = {name for name in names if not name.startswith(f".{directory.owner_file.name}.")}
    if directory.owner_file.name in names:
        return _recorded(directory, owner)
    if not names:
        return _free(directory)
    if names <= STACK_ENTRIES and names & _DISTINCTIVE_ENTRIES:
        return Ownership(
            OwnershipState.ORPHANED,
            f"{root} was made by a stack, but its owner.json, which names the stack, is missing",
        )
    others = ", ".join(sorted(names - STACK_ENTRIES) or sorted(names))
    return _unusable(
        f"{root} is not empty, and no stack made it: it contains {_shortened(others)}. Choose another or "
        "an empty directory as `local.directory`"
    )


def _free(directory: StackDirectory) -> Ownership:
    """Return FREE, or ORPHANED when servers still run whose directory was moved or deleted."""
    running = orphans.running_processes(directory)
    if not running:
        return Ownership(OwnershipState.FREE)
    pids = ", ".join(str(pid) for pid in sorted(set().union(*running.values())))
    return Ownership(
        OwnershipState.ORPHANED,
        f"{directory.root} is gone or empty, but servers that were started for it still run "
        f"({', '.join(sorted(running))}; pids {pids}), and they may belong to another checkout",
    )


def _is_stack(path: Path) -> bool:
    return (path / "owner.json").is_file() and (path / "supervisord").is_dir()


def _exists(checkout: str) -> bool:
    try:
        return Path(checkout).is_dir()
    except (OSError, ValueError):  # The text is not a path.
        return False


def _recorded(directory: StackDirectory, owner: Owner) -> Ownership:
    found = directory.owner_file.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        return _unusable(
            f"{directory.owner_file} does not prove whose the directory is, since another user may have "
            "written it. Choose another `local.directory`"
        )
    record = read_json(directory.owner_file)
    checkout, stack = str(record.get("checkout", "")), str(record.get("stack", ""))
    if not checkout or not stack:
        return Ownership(
            OwnershipState.ORPHANED,
            f"{directory.owner_file} is damaged and does not name the stack that the directory belongs to",
        )
    if (checkout, stack) == (owner.checkout, owner.stack):
        return Ownership(OwnershipState.OWN)
    if checkout != owner.checkout and not _exists(checkout):
        return Ownership(
            OwnershipState.ORPHANED,
            f"{directory.root} belongs to stack {stack} of the checkout {checkout}, which no longer exists",
        )
    return Ownership(
        OwnershipState.OTHER_STACK,
        f"{directory.root} belongs to stack {stack} of the checkout {checkout}. Run `make down STACK={stack}`"
        " there, or give this stack another name or another `local.directory`",
    )


def require_ownership(directory: StackDirectory, owner: Owner) -> None:
    """Raise NotOwnedError unless `directory` belongs to the stack `owner` or is free."""
    ownership = examine(directory, owner)
    if ownership.reason:
        raise NotOwnedError(f"{refusal_message(ownership, owner)}. Nothing was changed")


def refusal_message(ownership: Ownership, owner: Owner) -> str:
    """Return why the directory is refused. For an orphaned one, add the commands that take it over or remove
    it."""
    if ownership.state is not OwnershipState.ORPHANED:
        return ownership.reason
    return (
        f"{ownership.reason}. To take it over with all its data: make up STACK={owner.stack} "
        f"CONFIRM={owner.stack}; to remove it: make down STACK={owner.stack} CONFIRM={owner.stack}"
    )


def write_owner_file(directory: StackDirectory, owner: Owner, *, keep_data: bool, created: list[str]) -> None:
    """Write owner.json, which says that `directory` belongs to the stack `owner`.

    `created` lists the parents that were created for it, and that are removed with it when they are empty.
    """
    content = {**asdict(owner), "keepData": keep_data, "created": created}
    write_atomically(directory.owner_file, json.dumps(content))


def adopt_orphan(directory: StackDirectory, owner: Owner) -> None:
    """Give an orphaned directory to the stack `owner`. Raises NotOwnedError when it is not orphaned."""
    ownership = examine(directory, owner)
    if ownership.state is not OwnershipState.ORPHANED:
        raise NotOwnedError(ownership.reason or f"{directory.root} already belongs to this stack or is free")
    before = read_json(directory.owner_file)
    made = directory.create_parents()
    directory.create_root()
    created = before.get("created")
    write_owner_file(
        directory,
        owner,
        keep_data=bool(before.get("keepData")),
        created=[str(path) for path in created] if isinstance(created, list) else made,
    )


def _unusable(reason: str) -> Ownership:
    return Ownership(OwnershipState.UNUSABLE, reason)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
