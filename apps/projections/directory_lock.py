"""A lock that lets one process at a time keep a shard. Another one waits, such as a new pod on an old one's
volume.

Two processes would not harm the views, since a commit names the checkpoint that it was computed from. They
would delete each other's consumers in turns.
"""

import fcntl
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_FILE = ".keeper"  # The name that earlier releases lock, which may still run beside this one.
_LOOK_SECONDS = 0.2


@contextmanager
def exclusive_lock(root: Path, stopping: threading.Event, waiting: Callable[[str], None]) -> Iterator[bool]:
    """Waits for the lock on the folder `root`, holds it during the block, and yields True.

    Calls `waiting` once, with a sentence that names the holder, if another process has it. Yields False if
    `stopping` was set before the lock was free. The lock ends with its process, however that ends.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / _FILE).open("a+") as file:
        told = False
        while not (owned := _try(file.fileno())) and not stopping.wait(_LOOK_SECONDS):
            if not told:
                file.seek(0)
                holder = file.read() or "another process"
                waiting(f"{holder} keeps the views in {root}: this process waits until that one has ended")
                told = True
        if owned:
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        yield owned


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
