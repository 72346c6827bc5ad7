"""Whether other users of this machine could exchange what lies at a path.

The rule is that of sshd's StrictModes (`safe_path` in OpenSSH's misc.c): each directory on the way belongs
to root or to us, and nobody else may write in it. Two exceptions: a sticky directory such as /tmp, in which
nobody can rename what is another's, and a group that has no other member (Debian's user private groups).
"""

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from providers.local.plugin.ports import user_name

_MOST_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""
_ACL = "system.posix_acl_access"


def problem_of(path: Path) -> str | None:
    """Why `path` is not safe, with its remedy; None when it is. What of it does not exist yet is safe.

    Every step that the kernel takes is looked at, those of links among them.
    """
    for step, last in _steps(path):
        try:
            found = step.lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"{step} cannot be looked at: {error.strerror}"
        if problem := _problem(step, found, last=last):
            return problem
    return None


def _steps(path: Path) -> Iterator[tuple[Path, bool]]:
    """Each file on the way to an absolute path, in the kernel's order; whether it is the way's end."""
    yield Path("/"), path == Path("/")
    current, names, links = Path("/"), list(path.parts[1:]), 0
    while names:
        name = names.pop(0)
        if name == "..":
            current = current.parent
            continue
        step = current / name
        yield step, not names
        if step.is_symlink() and links < _MOST_LINKS:
            links += 1
            target = Path(os.readlink(step))
            current = Path("/") if target.is_absolute() else current
            names = [*(target.parts[1:] if target.is_absolute() else target.parts), *names]
        else:
            current = step


def _problem(step: Path, found: os.stat_result, *, last: bool) -> str | None:
    if found.st_uid not in (0, os.geteuid()):
        return (
            f"{step} belongs to user {user_name(found.st_uid)}, who could exchange what lies below it; "
            "choose a place below a directory of your own"
        )
    if stat.S_ISLNK(found.st_mode):
        return None  # Its owner is checked, and where it leads is a way of its own.
    sticky = bool(found.st_mode & stat.S_ISVTX) and not last
    if found.st_mode & stat.S_IWOTH and not sticky:
        return f"any user may write in {step}; close it: chmod o-w '{step}'"
    if found.st_mode & stat.S_IWGRP and _has_acl(step):
        return f"an access list lets others write in {step}; remove it: setfacl -b '{step}'"
    if found.st_mode & stat.S_IWGRP and not sticky and not _private(found.st_gid, os.geteuid()):
        return f"group {_group(found.st_gid)} may write in {step}; close it: chmod g-w '{step}'"
    return None


@cache
def _private(group: int, user: int) -> bool:
    """Whether nobody but `user` and root is in `group`."""
    try:
        own = pwd.getpwuid(user).pw_name
        members = {name for name in grp.getgrgid(group).gr_mem if name not in (own, "root")}
    except KeyError:
        return False
    primary = {entry.pw_name for entry in pwd.getpwall() if entry.pw_gid == group}
    return not members and primary <= {own, "root"}


def _has_acl(step: Path) -> bool:
    """Whether there is an access list: its mask is what the mode shows as the group's rights."""
    try:
        os.getxattr(step, _ACL)
    except OSError:
        return False
    return True


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
