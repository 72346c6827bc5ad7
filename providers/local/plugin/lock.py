"""One engine at a time changes a stack's directory."""

import errno
import fcntl
import json
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from providers.local.plugin.engine import Engine
from providers.local.plugin.errors import BusyError
from providers.local.plugin.layout import StackDirectory, read_json


class DirectoryLock:
    """A lock file beside the directory, held from the first change until this process ends.

    The kernel releases it with the process, however that ends. Plugins that the same engine started
    share it: the engine itself orders their work.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: dict[Path, int] = {}
        self._guard = threading.Lock()

    def acquire(self, directory: StackDirectory) -> None:
        """Take the lock, or raise BusyError that names who holds it."""
        with self._guard:
            if directory.lock in self._held:
                return
            while (descriptor := self._open(directory)) is None:
                pass
            if descriptor >= 0:
                self._held[directory.lock] = descriptor

    def _open(self, directory: StackDirectory) -> int | None:
        """The locked descriptor; -1 when a plugin of the same engine holds it; None to try again."""
        try:
            descriptor = os.open(directory.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise BusyError(f"the lock {directory.lock} cannot be opened: {error.strerror}") from error
        if not _is_ours(descriptor):
            os.close(descriptor)
            raise BusyError(f"the lock {directory.lock} was not made by us: look at it, and remove it")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            holder = read_json(directory.lock)
            if self._engine.address and holder.get("engine") == self._engine.address:
                return -1
            raise BusyError(
                f"another pulumi is at work on {directory.root} (its plugin has pid "
                f"{holder.get('pid', 'unknown')}); wait until it has finished, or stop it"
            ) from error
        # Whoever held it before may have removed the file: then this lock is on a file without name.
        with suppress(FileNotFoundError):
            if os.stat(directory.lock).st_ino == os.fstat(descriptor).st_ino:
                with suppress(OSError):  # a full disk: whoever waits is not told for whom
                    os.ftruncate(descriptor, 0)
                    content = {"pid": os.getpid(), "engine": self._engine.address}
                    os.pwrite(descriptor, json.dumps(content).encode(), 0)
                return descriptor
        os.close(descriptor)
        return None

    def remove(self, directory: StackDirectory) -> None:
        """Give the lock back and leave no file behind."""
        with self._guard:
            descriptor = self._held.pop(directory.lock, None)
            if descriptor is not None:
                directory.lock.unlink(missing_ok=True)
                os.close(descriptor)


def _is_ours(descriptor: int) -> bool:
    """Whether a lock file is one that only we could have made: it will be truncated."""
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink <= 1
