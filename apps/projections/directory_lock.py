"""One process keeps a shard at a time: another, such as a new pod on the old one's volume, waits for its end.

Two would not harm the views, since a commit names what it was computed from; they would take turns in
undoing each other's consumers.
"""

import fcntl
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_FILE = ".keeper"
_LOOK_SECONDS = 0.2


@contextmanager
def exclusive_lock(root: Path, stopping: threading.Event, waiting: Callable[[str], None]) -> Iterator[bool]:
    """The right to keep what is in `root`, until the end of this process at the latest. `waiting` is told
    once who has it meanwhile. False when `stopping` was set before it came."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / _FILE).open("a+") as file:
        told = False
        while not (owned := _try(file.fileno())) and not stopping.wait(_LOOK_SECONDS):
            if not told:
                file.seek(0)
                holder = file.read() or "another process"
                waiting(f"{holder} keeps the views in {root}: this one waits until that has ended")
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
