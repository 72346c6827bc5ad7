"""The user that a server runs as."""

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

NAME = "nebula"
"""The system account of servers that refuse to run as root, when root starts them. Not `nobody`: other
daemons run as that, and could read these servers' passwords and change their files."""
DESCRIPTION = "Nebula servers"
"""What the account's entry says: an account of that name that says something else is somebody's."""
_SHELL = "/usr/sbin/nologin"
_HOME = "/nonexistent"
_FIRST_OF_PEOPLE = 1000
"""Numbers below are the system's, on every distribution of today."""
_AWAY = f"{NAME}-before"
"""What a remedy calls who has the name."""
_RENAME_GROUP = f"groupmod --new-name {_AWAY} {NAME}"


@dataclass(frozen=True)
class Account:
    """Numeric user and group."""

    user: int
    group: int

    def own(self, top: Path) -> None:
        """Give `top` and everything below it to this account.

        By open folders, never by a path that somebody could exchange meanwhile: until its end nobody but us
        reaches anything below `top`. A file with a second name elsewhere is refused.
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
        f"{top}: {name} has a second name elsewhere, so that it cannot be given to user {user} safely. "
        f"Find both with `find {top} -links +1 -type f` and remove one"
    )


def server_account(unprivileged: bool) -> Account | None:
    """The account of a server that refuses to run as root when we are root; None: as we are, or as an
    account that `ensure` has yet to make."""
    return _found() if unprivileged and os.geteuid() == 0 else None


def passage_problem(top: Path) -> str | None:
    """Why the account could not get to its files below `top`, with the remedy; None when it can, and when
    root does not start servers."""
    if os.geteuid() != 0:
        return None
    closed = [path for path in top.parents if path.exists() and not path.stat().st_mode & 0o001]
    if not closed:
        return None
    return (
        f"{closed[-1]} is closed to the user that this server runs as when root starts it; choose a "
        "directory outside of it (local.directory), or run as an ordinary user"
    )


def problem() -> str | None:
    """Why root could not start servers that refuse to run as root, with the remedy; None when it can, and for
    anybody else. Changes nothing."""
    if os.geteuid() != 0:
        return None
    try:
        if _found() is not None:
            return None
    except AccountError as error:
        return str(error)
    if _useradd() is None:
        return _refusal(
            "there is no useradd here",
            "install it (apt-get install passwd, dnf install shadow-utils, apk add shadow)",
        )
    if _has_group():
        return _refusal("useradd refuses, as a group of that name is left", f"rename that: {_RENAME_GROUP}")
    return None


def ensure(unprivileged: bool) -> None:
    """Make the account where a server needs one and there is none. Raises AccountError when it cannot be
    made, or when the name is another's."""
    if not unprivileged or os.geteuid() != 0 or _found() is not None:
        return
    if said := problem():
        raise AccountError(said)
    command = [
        str(_useradd()), "--system", "--user-group", "--no-create-home", "--home-dir", _HOME,
        "--shell", _SHELL, "--comment", DESCRIPTION, NAME,
    ]  # fmt: skip
    # The output is that of a tool for accounts: it holds no secret.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Another run may have been first.
    if done.returncode != 0 and _found() is None:
        said = done.stderr.strip() or f"it ended with {done.returncode}"
        raise AccountError(_refusal(f"`{shlex.join(command)}` failed: {said}", "mend that"))


def _found() -> Account | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    wrong = [
        f"its {what} is {found!r}, not {wanted!r}"
        for what, found, wanted in (
            ("description", entry.pw_gecos, DESCRIPTION),
            ("shell", entry.pw_shell, _SHELL),
            ("home", entry.pw_dir, _HOME),
        )
        if found != wanted
    ]
    if not 0 < entry.pw_uid < _FIRST_OF_PEOPLE:
        wrong.append(f"its number is {entry.pw_uid}, which is no system account's")
    if wrong:
        raise AccountError(
            _refusal(
                f"the account of that name is not the one that servers run as here ({'; '.join(wrong)})",
                f"rename it: {_rename()}",
            )
        )
    return Account(entry.pw_uid, entry.pw_gid)


def _rename() -> str:
    user = f"usermod --login {_AWAY} {NAME}"
    return f"{user} && {_RENAME_GROUP}" if _has_group() else user


def _has_group() -> bool:
    try:
        grp.getgrnam(NAME)
    except KeyError:
        return False
    return True


def _useradd() -> str | None:
    return shutil.which("useradd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def _refusal(problem: str, remedy: str) -> str:
    return (
        f"servers that refuse to run as root run as the system account {NAME} when root starts them, and "
        f"{problem}. Run as an ordinary user, or {remedy}"
    )
