"""Whose a stack's directory is: the proof without which nothing in it is stopped, changed or removed.

`owner.json` in the directory names the clone and the stack that made it. It is written first and removed
last, so that what an interrupted run leaves can still be told from what is somebody else's.
"""

import json
import os
import stat
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from providers.local.path_safety import problem_of
from providers.local.plugin import orphans
from providers.local.plugin.errors import NotOurOwnError
from providers.local.plugin.layout import CHILDREN, StackDirectory, read_json, write_atomically
from providers.local.plugin.ports import user_name

_TELLING = frozenset({"supervisord", "data", "secrets"})
"""What is enough to know a stack's directory by, when its owner.json is gone."""

CHECKOUT = Path(__file__).resolve().parents[3]
"""The clone that this plugin runs from."""


@dataclass(frozen=True)
class Owner:
    """The stack `stack` of the clone in `checkout`."""

    checkout: str
    stack: str

    @classmethod
    def of(cls, urn: str) -> "Owner":
        """The stack of a resource, in the clone of this plugin."""
        # urn:pulumi:<stack>::<project>::…
        return cls(str(CHECKOUT), urn.split("::")[0].removeprefix("urn:pulumi:"))


class Standing(Enum):
    """What a stack may do with a directory."""

    FREE = "absent or empty"
    OURS = "made by this stack"
    ELSEWHERE = "made by another stack, whose clone is there"
    ORPHANED = "made by a stack whose clone is gone, or that can no longer be told"
    FOREIGN = "no stack's, or not safe"


@dataclass(frozen=True)
class Claim:
    """How a directory stands to a stack, and why it is refused: empty for FREE and OURS."""

    standing: Standing
    reason: str = ""


def examine(directory: StackDirectory, owner: Owner) -> Claim:
    """Tell whose `directory` is. Changes nothing."""
    root = directory.root
    if not root.is_absolute() or ".." in root.parts:
        return _foreign(f"{root} is not an absolute path without `..`")
    # What lies beside the directory, its lock among it, must be ours alone to make: no sticky parent.
    if problem := problem_of(root) or problem_of(root.parent):
        return _foreign(problem)
    if around := next((path for path in root.parents if _is_stack(path)), None):
        return _foreign(f"{root} lies in the directory of another stack, {around}, and would go with it")
    try:
        found = root.lstat()
    except FileNotFoundError:
        return _free(directory)
    except OSError as error:
        return _foreign(f"{root} cannot be looked at: {error.strerror}")
    if not stat.S_ISDIR(found.st_mode):
        return _foreign(f"{root} is no directory (a link does not count as one)")
    if found.st_uid != os.geteuid():
        return _foreign(f"{root} belongs to user {user_name(found.st_uid)}, not to {user_name(os.geteuid())}")
    try:
        names = set(os.listdir(root))
    except PermissionError:
        return _foreign(f"{root} cannot be read")
    names = {name for name in names if not name.startswith(f".{directory.owner.name}.")}
    if directory.owner.name in names:
        return _recorded(directory, owner)
    if not names:
        return _free(directory)
    if names <= CHILDREN and names & _TELLING:
        return Claim(
            Standing.ORPHANED, f"{root} was made by a stack, but its owner.json is gone: nobody can say whose"
        )
    others = ", ".join(sorted(names - CHILDREN) or sorted(names))
    return _foreign(
        f"{root} is not empty, and no stack made it: it holds {_shortened(others)}. Choose another "
        "`local.directory`, or an empty one"
    )


def _free(directory: StackDirectory) -> Claim:
    """Nothing is there; but the servers of a stack whose directory was moved or deleted may still run."""
    running = orphans.living(directory)
    if not running:
        return Claim(Standing.FREE)
    pids = ", ".join(str(pid) for pid in sorted(set().union(*running.values())))
    return Claim(
        Standing.ORPHANED,
        f"{directory.root} is gone or empty, but servers that were started for it still run "
        f"({', '.join(sorted(running))}; pids {pids}): they may be another checkout's",
    )


def _is_stack(path: Path) -> bool:
    return (path / "owner.json").is_file() and (path / "supervisord").is_dir()


def _is_there(checkout: str) -> bool:
    try:
        return Path(checkout).is_dir()
    except (OSError, ValueError):  # no path at all
        return False


def _recorded(directory: StackDirectory, owner: Owner) -> Claim:
    found = directory.owner.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        return _foreign(f"{directory.owner} may have been written by somebody else: it proves nothing")
    record = read_json(directory.owner)
    checkout, stack = str(record.get("checkout", "")), str(record.get("stack", ""))
    if not checkout or not stack:
        return Claim(
            Standing.ORPHANED, f"{directory.owner} is damaged: it does not say whose the directory is"
        )
    if (checkout, stack) == (owner.checkout, owner.stack):
        return Claim(Standing.OURS)
    if checkout != owner.checkout and not _is_there(checkout):
        return Claim(
            Standing.ORPHANED,
            f"{directory.root} belongs to stack {stack} of the checkout {checkout}, which is no longer there",
        )
    return Claim(
        Standing.ELSEWHERE,
        f"{directory.root} belongs to stack {stack} of the checkout {checkout}. Run `make down STACK={stack}`"
        " there, or give this stack another name or another `local.directory`",
    )


def demand(directory: StackDirectory, owner: Owner) -> None:
    """Raise NotOurOwnError unless `directory` is this stack's, or free to become it."""
    claim = examine(directory, owner)
    if claim.reason:
        raise NotOurOwnError(f"{refusal(claim, owner)}. Nothing was changed")


def refusal(claim: Claim, owner: Owner) -> str:
    """The reason of a refusal, with the way out that an orphan has."""
    if claim.standing is not Standing.ORPHANED:
        return claim.reason
    return (
        f"{claim.reason}. To take it over with all its data: make up STACK={owner.stack} "
        f"CONFIRM={owner.stack}; to remove it: make down STACK={owner.stack} CONFIRM={owner.stack}"
    )


def record(directory: StackDirectory, owner: Owner, *, keep_data: bool, created: list[str]) -> None:
    """Write down that `directory` is the stack's. `created` are the parents that were made for it."""
    content = {**asdict(owner), "keepData": keep_data, "created": created}
    write_atomically(directory.owner, json.dumps(content))


def adopt(directory: StackDirectory, owner: Owner) -> None:
    """Make an orphaned directory the stack's. Raises NotOurOwnError for one that is no orphan."""
    claim = examine(directory, owner)
    if claim.standing is not Standing.ORPHANED:
        raise NotOurOwnError(claim.reason or f"{directory.root} is no orphan")
    before = read_json(directory.owner)
    made = directory.make_parents()
    directory.make_root()
    created = before.get("created")
    record(
        directory,
        owner,
        keep_data=bool(before.get("keepData")),
        created=[str(path) for path in created] if isinstance(created, list) else made,
    )


def _foreign(reason: str) -> Claim:
    return Claim(Standing.FOREIGN, reason)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
