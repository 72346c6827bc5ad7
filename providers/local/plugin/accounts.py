"""The user that a server runs as."""

import os
import pwd
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


def ensure(unprivileged: bool) -> None:
    """Make the account where a server needs one and there is none. Raises AccountError when it cannot be
    made, or when the name is another's."""
    if not unprivileged or os.geteuid() != 0 or _found() is not None:
        return
    command = [
        "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
        "--shell", _SHELL, "--comment", DESCRIPTION, NAME,
    ]  # fmt: skip
    _run(command, "make it")


def _found() -> Account | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    if entry.pw_uid == 0 or entry.pw_gecos != DESCRIPTION:
        raise AccountError(
            f"the account {NAME} of this machine is not the one that servers run as here (its description is "
            f"{entry.pw_gecos!r}, not {DESCRIPTION!r}). Run as an ordinary user, or rename that account"
        )
    return Account(entry.pw_uid, entry.pw_gid)


def _run(command: list[str], what: str) -> None:
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if program is None:
        problem = f"there is no {command[0]} here"
    else:
        # The output is that of a tool for accounts: it holds no secret.
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
        # Another run may have been first.
        if done.returncode == 0 or (command[0] == "useradd" and _found() is not None):
            return
        problem = done.stderr.strip() or f"{command[0]} ended with {done.returncode}"
    raise AccountError(
        f"servers that refuse to run as root need the system account {NAME}, and root could not {what}: "
        f"{problem}. Run as an ordinary user, or do it yourself: {' '.join(map(repr, command))}"
    )
