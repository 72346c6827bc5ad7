"""The system account that servers run as when root starts them and they refuse to run as root."""

import grp
import os
import pwd
import shlex
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from providers.local.plugin.errors import AccountError

ACCOUNT_NAME = "nebula"
"""The name of that account. The account `nobody` is not used, because other daemons run as `nobody` and could
read these servers' passwords and change their files."""
ACCOUNT_DESCRIPTION = "Nebula servers"
"""The description in the account's passwd entry. An account with another description was made by somebody
else."""
_SHELL = "/usr/sbin/nologin"
_HOME = "/nonexistent"
_FIRST_PERSONAL_UID = 1000
"""Distributions number system accounts below this (UID_MIN of login.defs)."""
_RENAMED = f"{ACCOUNT_NAME}-before"
"""The new name that a remedy gives to an account or group that has the name."""
_RENAME_GROUP = f"groupmod --new-name {_RENAMED} {ACCOUNT_NAME}"


@dataclass(frozen=True)
class Account:
    """The numeric user and group ids that a server runs with."""

    user: int
    group: int

    def take_over(self, top: Path) -> None:
        """Change the owner of `top` and everything below it to this account.

        `top` is closed to other users until the end and its folders are followed by descriptor, so that
        nobody can replace a path meanwhile. Raises AccountError for a file with a second hard link.
        """
        opened = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            before = os.fstat(opened).st_uid
            os.fchown(opened, os.geteuid(), os.getegid())
            os.fchmod(opened, 0o700)
            for _, folders, files, folder in os.fwalk(".", dir_fd=opened):
                for name in (*folders, *files):
                    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
                        os.fchown(opened, before, -1)
                        raise AccountError(_linked(top, name, self.user))
                    os.chown(name, self.user, self.group, dir_fd=folder, follow_symlinks=False)
            os.fchown(opened, self.user, self.group)
        finally:
            os.close(opened)


def _linked(top: Path, name: str, user: int) -> str:
    return (
        f"{name} below {top} has a second hard link, so its owner cannot safely be changed to user {user}. "
        f"Find both names with `find {top} -links +1 -type f` and remove one"
    )


def server_account(unprivileged: bool) -> Account | None:
    """Return the account for an `unprivileged` server when root runs the plugin.

    Returns None when the server runs as the current user, or when `ensure_account` has not yet created the
    account. Raises AccountError when the account's name belongs to somebody else.
    """
    return _find_account() if unprivileged and os.geteuid() == 0 else None


def access_problem(top: Path) -> str | None:
    """Return why the account cannot reach files below `top`, with the remedy, or None when it can.

    Returns None for any user other than root, whose servers run as that user.
    """
    if os.geteuid() != 0:
        return None
    closed = [path for path in top.parents if path.exists() and not path.stat().st_mode & 0o001]
    if not closed:
        return None
    return (
        f"{closed[-1]} is closed to the user {ACCOUNT_NAME}, which this server runs as when root starts "
        "it. Set `local.directory` to a directory outside of it, or run as an ordinary user"
    )


def account_problem() -> str | None:
    """Return why `ensure_account` would fail, with the remedy, or None when it would succeed.

    Returns None for any user other than root. Changes nothing on the machine.
    """
    if os.geteuid() != 0:
        return None
    try:
        if _find_account() is not None:
            return None
    except AccountError as error:
        return str(error)
    if _useradd() is None:
        return _refusal(
            "the command useradd, which creates it, is not installed",
            "install it (apt-get install passwd, dnf install shadow-utils, apk add shadow)",
        )
    if _has_group():
        return _refusal(
            "useradd cannot create it, because a group of that name exists",
            f"rename the group: {_RENAME_GROUP}",
        )
    return None


def ensure_account(unprivileged: bool) -> None:
    """Create the account if root starts an `unprivileged` server and the account does not exist yet.

    Raises AccountError when it cannot be created, or when its name belongs to somebody else.
    """
    if not unprivileged or os.geteuid() != 0 or _find_account() is not None:
        return
    if problem := account_problem():
        raise AccountError(problem)
    command = [
        str(_useradd()), "--system", "--user-group", "--no-create-home", "--home-dir", _HOME,
        "--shell", _SHELL, "--comment", ACCOUNT_DESCRIPTION, ACCOUNT_NAME,
    ]  # fmt: skip
    # useradd prints no secret, so its output may stand in a message.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Another run may have created it meanwhile.
    if done.returncode != 0 and _find_account() is None:
        reason = done.stderr.strip() or f"exit status {done.returncode}"
        raise AccountError(_refusal(f"`{shlex.join(command)}` failed: {reason}", "create it yourself"))


def _find_account() -> Account | None:
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
    wrong = [
        f"its {what} is {found!r}, not {wanted!r}"
        for what, found, wanted in (
            ("description", entry.pw_gecos, ACCOUNT_DESCRIPTION),
            ("shell", entry.pw_shell, _SHELL),
            ("home", entry.pw_dir, _HOME),
        )
        if found != wanted
    ]
    if not 0 < entry.pw_uid < _FIRST_PERSONAL_UID:
        wrong.append(f"its user id is {entry.pw_uid}, which is not a system account's")
    if wrong:
        raise AccountError(
            _refusal(
                f"the account of that name was made for something else ({'; '.join(wrong)})",
                f"rename it: {_rename_command()}",
            )
        )
    return Account(entry.pw_uid, entry.pw_gid)


def _rename_command() -> str:
    user = f"usermod --login {_RENAMED} {ACCOUNT_NAME}"
    return f"{user} && {_RENAME_GROUP}" if _has_group() else user


def _has_group() -> bool:
    try:
        grp.getgrnam(ACCOUNT_NAME)
    except KeyError:
        return False
    return True


def _useradd() -> str | None:
    return shutil.which("useradd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def _refusal(problem: str, remedy: str) -> str:
    return (
        f"this server refuses to run as root and needs the system account {ACCOUNT_NAME}, but {problem}. "
        f"Run as an ordinary user, or {remedy}"
    )


def user_name(user: int) -> str:
    """Return the name of the user with the id `user`, or the id itself when no account has it."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
