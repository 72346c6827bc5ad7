"""A server's data volume and its identity.

The identity is minted once the volume has been prepared, as a file inside it: it goes wherever the
data goes, and is gone when the data is. A volume without identity is new.
"""

import os
import re
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from providers.local.plugin.accounts import Account
from providers.local.plugin.layout import StackDirectory, remove_tree, sync_directory, write_atomically

# Not a dot file: `rm -rf data/x/*` must take it along.
_IDENTITY = "nebula-volume"
_WHOLE = re.compile(r"[0-9a-f]{16}")
_PREPARING = ".preparing"


@dataclass(frozen=True)
class Volume:
    """The volume of the server `name`."""

    directory: StackDirectory
    name: str

    @property
    def path(self) -> Path:
        return self.directory.data(self.name)

    @property
    def _preparing(self) -> Path:
        return self.path.with_name(f"{self.name}{_PREPARING}")

    def identity(self) -> str:
        """Empty when the volume is missing, was emptied, was never prepared to the end, or has an identity
        that a power loss cut short."""
        try:
            # The server's user may write here: what it put in the place of our file is not followed.
            descriptor = os.open(self.path / _IDENTITY, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return ""
        with os.fdopen(descriptor, errors="replace") as file:
            text = file.read(64).strip()
        return text if _WHOLE.fullmatch(text) else ""

    def has_identity_file(self) -> bool:
        """Whether the volume was prepared to the end, although its identity may be unreadable."""
        return os.path.lexists(self.path / _IDENTITY)

    def made_here(self) -> bool:
        """Whether a server's volume, finished or not, was made at this place. A file of that name with
        something else in it proves nothing."""
        if self.identity() or self._preparing.exists():
            return True
        try:
            found = (self.path / _IDENTITY).lstat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == 0  # cut short by a power loss

    def initialise(self, account: Account | None, prepare: Callable[[], None]) -> Path | None:
        """Make an empty volume, run `prepare` on it and mint its identity.

        What an unfinished preparation left is wiped. A volume that was prepared and has lost the content
        of its identity file keeps its data and gets a new identity. Anything else that lies there without
        an identity is not ours to delete: it is moved aside, to the path that is returned.
        """
        if self.has_identity_file() and not self._preparing.exists():
            self._mint()
            return None
        moved = None
        if self._preparing.exists():
            remove_tree(self.path)
        elif self.path.is_dir() and any(self.path.iterdir()):
            moved = self.path.with_name(f"{self.name}.without-identity-{time.strftime('%Y%m%d-%H%M%S')}")
            self.path.rename(moved)
        self._preparing.touch(mode=0o600)
        sync_directory(self.path.parent)
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.path.chmod(0o700)
        if account:
            account.own(self.path)
        prepare()
        self._mint()
        self.settle()
        return moved

    def settle(self) -> None:
        """Forget that the volume was being prepared: from here on its server fills it, and nothing of it may
        be wiped. For a volume with an identity."""
        if self._preparing.exists():
            self._preparing.unlink()
            sync_directory(self.path.parent)

    def _mint(self) -> None:
        write_atomically(self.path / _IDENTITY, secrets.token_hex(8) + "\n")

    def give_to(self, account: Account | None) -> None:
        """Let a stopped server that runs as another user from now on find its data its own."""
        if account and self.path.is_dir() and self.path.lstat().st_uid != account.user:
            account.own(self.path)

    def remove(self) -> None:
        remove_tree(self.path)
        self._preparing.unlink(missing_ok=True)


def volumes_of(directory: StackDirectory) -> list[Volume]:
    """Every volume that a server of the stack has or had: it is set up here, or left its identity."""
    names = {path.name.removesuffix(_PREPARING) for path in (directory.root / "data").iterdir()}
    known = set(directory.workloads())
    volumes = [Volume(directory, name) for name in sorted(names)]
    return [volume for volume in volumes if volume.name in known or volume.made_here()]
