"""A server's data volume and its identity.

The identity is a random number in a file inside the volume, written once the volume has been prepared. It is
moved and deleted together with the data, so a volume without an identity is new.
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

# The name does not start with a dot, so that `rm -rf data/x/*` removes the file too.
_IDENTITY = "nebula-volume"
_WHOLE = re.compile(r"[0-9a-f]{16}")
_PREPARING = ".preparing"


@dataclass(frozen=True)
class Volume:
    """The data volume of the server `name` of the stack in `directory`."""

    directory: StackDirectory
    name: str

    @property
    def path(self) -> Path:
        return self.directory.data_folder(self.name)

    @property
    def _preparing(self) -> Path:
        return self.path.with_name(f"{self.name}{_PREPARING}")

    def identity(self) -> str:
        """Return the volume's identity, 16 hexadecimal digits.

        Returns "" when the volume is missing, was emptied, was never fully prepared, or when a power loss
        damaged the identity's file.
        """
        try:
            # The server's account may write here, so a link in the place of the file is not followed.
            descriptor = os.open(self.path / _IDENTITY, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return ""
        with os.fdopen(descriptor, errors="replace") as file:
            text = file.read(64).strip()
        return text if _WHOLE.fullmatch(text) else ""

    def has_identity_file(self) -> bool:
        """Return whether the volume was fully prepared, even if its identity cannot be read."""
        return os.path.lexists(self.path / _IDENTITY)

    def holds_server_data(self) -> bool:
        """Return whether a server prepared this volume, fully or in part.

        A file in the identity's place with other content does not count.
        """
        if self.identity() or self._preparing.exists():
            return True
        try:
            found = (self.path / _IDENTITY).lstat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == 0  # A power loss left it empty.

    def initialise(self, account: Account | None, prepare: Callable[[], None]) -> Path | None:
        """Create an empty volume that belongs to `account`, call `prepare`, and write a new identity.

        Files of an unfinished preparation are removed. A prepared volume whose identity is damaged keeps its
        data and gets a new identity. Other files without an identity are moved to the path that is returned;
        otherwise None is returned.
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
            account.take_over(self.path)
        prepare()
        self._mint()
        self.finish_preparation()
        return moved

    def finish_preparation(self) -> None:
        """Record that the preparation is over, so that the volume, which has an identity, is never emptied
        again."""
        if self._preparing.exists():
            self._preparing.unlink()
            sync_directory(self.path.parent)

    def _mint(self) -> None:
        write_atomically(self.path / _IDENTITY, secrets.token_hex(8) + "\n")

    def give_to_account(self, account: Account | None) -> None:
        """Change the owner of the data to `account`, for a stopped server that will run as another user."""
        if account and self.path.is_dir() and self.path.lstat().st_uid != account.user:
            account.take_over(self.path)

    def remove(self) -> None:
        """Remove the volume with its data."""
        remove_tree(self.path)
        self._preparing.unlink(missing_ok=True)


def stack_volumes(directory: StackDirectory) -> list[Volume]:
    """Return every volume that belongs to a server of the stack, or that a former server prepared."""
    names = {path.name.removesuffix(_PREPARING) for path in (directory.root / "data").iterdir()}
    known = set(directory.workload_names())
    volumes = [Volume(directory, name) for name in sorted(names)]
    return [volume for volume in volumes if volume.name in known or volume.holds_server_data()]
