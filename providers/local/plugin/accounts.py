"""The user that a server runs as."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """Numeric user and group."""

    user: int
    group: int

    def own(self, path: Path) -> None:
        """Give `path` and everything below it to this account."""
        os.chown(path, self.user, self.group, follow_symlinks=False)
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(os.path.join(folder, name), self.user, self.group, follow_symlinks=False)


def server_account(unprivileged: bool) -> Account | None:
    """`nobody` for a server that refuses to run as root when we are root; None: as we are."""
    if not unprivileged or os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)
