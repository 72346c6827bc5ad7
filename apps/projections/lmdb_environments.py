"""LMDB environments. LMDB demands that a process opens each only once, so those that open it again share
it."""

import threading
from pathlib import Path

import lmdb

_MOST_READERS = 512


class Environments:
    """The open environments of a process, with the number of users of each. An environment is closed when
    its last user leaves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Path, tuple[lmdb.Environment, int]] = {}

    def open(self, path: Path, map_size: int, read_only: bool) -> lmdb.Environment:
        """Returns the environment in the folder `path`, which must exist: to make it here could bring back a
        folder that another process removes.

        `map_size` is its largest size in bytes. If it is open already, it is shared as it was opened.
        """
        path = path.resolve()
        with self._lock:
            environment, users = self._open.get(path, (None, 0))
            if environment is None:
                # Durable at commit: neither sync nor metasync is off.
                environment = lmdb.open(
                    str(path),
                    map_size=map_size,
                    readonly=read_only,
                    create=False,
                    max_readers=_MOST_READERS,
                    mode=0o600,
                )
            self._open[path] = (environment, users + 1)
            return environment

    def close(self, path: Path) -> None:
        """Gives back what `open` returned for `path`."""
        path = path.resolve()
        with self._lock:
            environment, users = self._open.pop(path)
            if users > 1:
                self._open[path] = (environment, users - 1)
            else:
                environment.close()


ENVIRONMENTS = Environments()
