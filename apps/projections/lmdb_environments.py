"""LMDB environments, each open once in a process, as LMDB demands, and shared by whoever opens it again."""

import threading
from pathlib import Path

import lmdb

_MOST_READERS = 512


class Environments:
    """Counted: the last `close` of a path closes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Path, tuple[lmdb.Environment, int]] = {}

    def open(self, path: Path, map_size: int, read_only: bool) -> lmdb.Environment:
        """`path` is a directory that is there: making it here would bring one back that somebody removes.
        An environment that is open already is shared as it is."""
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
        path = path.resolve()
        with self._lock:
            environment, users = self._open.pop(path)
            if users > 1:
                self._open[path] = (environment, users - 1)
            else:
                environment.close()


ENVIRONMENTS = Environments()
