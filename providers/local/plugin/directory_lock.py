"""The lock that lets one Pulumi engine at a time change a stack's directory."""

import errno
import fcntl
import json
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.errors import BusyError
from providers.local.plugin.layout import StackDirectory, read_json


class DirectoryLock:
    """Locks a file beside a stack's directory, from the first change until this process ends.

    The kernel releases the lock when the process ends, whatever the reason. Plugins that the same engine
    started share the lock, because the engine orders their work.
    """

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        self._held: dict[Path, int] = {}
        self._guard = threading.Lock()

    def acquire(self, directory: StackDirectory) -> None:
        """Take the lock of `directory`. Raises BusyError, with the holder's pid, while another engine holds
        it."""
        with self._guard:
            if directory.lock_file in self._held:
                return
            while (descriptor := self._open(directory)) is None:
                pass
            if descriptor >= 0:
                self._held[directory.lock_file] = descriptor

    def _open(self, directory: StackDirectory) -> int | None:
        """Return the locked descriptor, -1 when a plugin of the same engine holds the lock, or None to try
        again."""
        try:
            descriptor = os.open(directory.lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise BusyError(
                f"the lock {directory.lock_file} cannot be opened: {error.strerror}. Give this user access "
                "to it"
            ) from error
        if not _is_lock_file(descriptor):
            os.close(descriptor)
            raise BusyError(
                f"the lock {directory.lock_file} was not made by this user's Nebula. Examine the file and "
                "remove it"
            )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            holder = read_json(directory.lock_file)
            if self._engine.address and holder.get("engine") == self._engine.address:
                return -1
            raise BusyError(
                f"another pulumi is changing {directory.root} (its plugin has pid "
                f"{holder.get('pid', 'unknown')}); wait until it has finished, or stop it"
            ) from error
        # The previous holder may have removed the file, and then this lock is on a file that has no name.
        with suppress(FileNotFoundError):
            if os.stat(directory.lock_file).st_ino == os.fstat(descriptor).st_ino:
                with suppress(OSError):  # The disk is full: a refused engine cannot name this holder.
                    os.ftruncate(descriptor, 0)
                    content = {"pid": os.getpid(), "engine": self._engine.address}
                    os.pwrite(descriptor, json.dumps(content).encode(), 0)
                return descriptor
        os.close(descriptor)
        return None

    def remove(self, directory: StackDirectory) -> None:
        """Release the lock of `directory` and remove its file."""
        with self._guard:
            descriptor = self._held.pop(directory.lock_file, None)
            if descriptor is not None:
                directory.lock_file.unlink(missing_ok=True)
                os.close(descriptor)


def _is_lock_file(descriptor: int) -> bool:
    """Return whether only this user can have made the file, so that it is safe to truncate."""
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink <= 1
