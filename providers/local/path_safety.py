"""Checks that no other user of this machine can replace the file or directory at a path.

The rule is sshd's StrictModes (`safe_path` in OpenSSH's misc.c): each directory of the path belongs to root
or to the current user, and nobody else may write in it. There are two exceptions: a sticky directory such as
/tmp, in which a user can rename only their own files, and a group without other members (Debian's user
private groups).
"""

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from providers.local.plugin.accounts import user_name

_MOST_LINKS = 40
"""The number of symbolic links that the kernel follows in one path (path_resolution(7))."""
_ACL = "system.posix_acl_access"


def path_problem(path: Path) -> str | None:
    """Return why another user could replace `path`, with the remedy, or None when nobody can.

    Every directory and symbolic link that the kernel follows is checked. Directories that do not exist yet
    count as safe.
    """
    for step, last in _steps(path):
        try:
            found = step.lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"{step} cannot be examined: {error.strerror}; give this user access to it"
        if problem := _problem(step, found, last=last):
            return problem
    return None


def _steps(path: Path) -> Iterator[tuple[Path, bool]]:
    """Yield each file that the kernel visits for an absolute path, in order, and whether it is the last
    one."""
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
            f"{step} belongs to user {user_name(found.st_uid)}, who could replace the files below it; "
            "choose a path below a directory that is yours"
        )
    if stat.S_ISLNK(found.st_mode):
        return None  # The owner is checked above; the link's target is checked as a step of its own.
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
    """Return whether `group` has no members other than `user` and root."""
    try:
        own = pwd.getpwuid(user).pw_name
        members = {name for name in grp.getgrgid(group).gr_mem if name not in (own, "root")}
    except KeyError:
        return False
    primary = {entry.pw_name for entry in pwd.getpwall() if entry.pw_gid == group}
    return not members and primary <= {own, "root"}


def _has_acl(step: Path) -> bool:
    """Return whether `step` has a POSIX access list. The mode shows the list's mask as the group's rights
    then."""
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
