"""A server's data volume and its identity.

The identity is minted once the volume has been prepared, as a file inside it: it goes wherever the
data goes, and is gone when the data is. A volume without identity is new.
"""

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from providers.local.plugin.accounts import Account
from providers.local.plugin.layout import StackDirectory, remove_tree, write_atomically

# Not a dot file: `rm -rf data/x/*` must take it along.
_IDENTITY = "nebula-volume"


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
        return self.path.with_name(f"{self.name}.preparing")

    def identity(self) -> str:
        """Empty when the volume is missing, was emptied or was never prepared to the end."""
        try:
            return (self.path / _IDENTITY).read_text().strip()
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def initialise(self, account: Account | None, prepare: Callable[[], None]) -> Path | None:
        """Make an empty volume, run `prepare` on it and mint its identity.

        What an unfinished preparation left is wiped. Anything else that lies there without an
        identity is not ours to delete: it is moved aside, to the path that is returned.
        """
        moved = None
        if self._preparing.exists():
            remove_tree(self.path)
        elif self.path.is_dir() and any(self.path.iterdir()):
            moved = self.path.with_name(f"{self.name}.without-identity-{time.strftime('%Y%m%d-%H%M%S')}")
            self.path.rename(moved)
        self._preparing.touch(mode=0o600)
        self.path.mkdir(exist_ok=True)
        self.path.chmod(0o700)
        if account:
            os.chown(self.path, account.user, account.group)
        prepare()
        write_atomically(self.path / _IDENTITY, secrets.token_hex(8) + "\n")
        self._preparing.unlink()
        return moved

    def remove(self) -> None:
        remove_tree(self.path)
        self._preparing.unlink(missing_ok=True)
