"""Port offsets for the stacks of tests: at no time do two tests of this machine have the same.

Tests run side by side, in the processes of one session and in sessions of several checkouts.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from infra.declared import LOCAL_PORTS

_STEP = 500
"""Ports of two stacks that are so far apart do not meet (`PortRange`)."""
OFFSETS = range(LOCAL_PORTS.largest_offset // _STEP * _STEP, 0, -_STEP)
"""The largest first, since people choose small ones; without 0, which is a user's own stack's."""
_LONGEST_WAIT = 1800.0
_PAUSE = 0.5


@contextmanager
def leased_offset() -> Iterator[int]:
    """An offset that no other test has until the end, and on whose ports nobody listens.

    Waits for one, at most half an hour. Raises TimeoutError.
    """
    deadline = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < deadline:
        for offset in OFFSETS:
            descriptor = os.open(_lock_file(offset), os.O_RDWR | os.O_CREAT, 0o666)
            try:
                if _lock(descriptor) and not _taken(offset):
                    yield offset
                    return
            finally:
                os.close(descriptor)  # which unlocks it
        time.sleep(_PAUSE)
    raise TimeoutError(
        f"every port offset of {list(OFFSETS)} was in use for {_LONGEST_WAIT:g} s: end what locks one "
        f"in {_lock_file(0).parent}, or the stacks that listen there"
    )


def _lock_file(offset: int) -> Path:
    folder = Path(tempfile.gettempdir()) / "nebula-test-ports"
    folder.mkdir(exist_ok=True)
    return folder / str(offset)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken(offset: int) -> bool:
    wanted = {number + offset for number in LOCAL_PORTS.ports.values()}
    wanted |= {number + offset for several in LOCAL_PORTS.ranges.values() for number in several.numbers}
    return any(
        connection.laddr and connection.laddr.port in wanted
        for connection in psutil.net_connections("inet")
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
    )
