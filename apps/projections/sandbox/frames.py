"""What goes over the pipes between worker and sandbox: a kind, a length, that many bytes."""

import os
import select
import time
from struct import Struct

LOAD, FOLD, KEYS, VIEWS, DONE, FAILED = b"L", b"F", b"K", b"V", b"D", b"E"
_HEAD = Struct(">cI")
_CHUNK = 1 << 20


class ClosedError(Exception):
    """The other side has gone."""


class LateError(Exception):
    """The other side did not answer in time."""


def send(descriptor: int, kind: bytes, body: bytes) -> None:
    """Raises ClosedError."""
    view = memoryview(_HEAD.pack(kind, len(body)) + body)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except BrokenPipeError:
        raise ClosedError from None


def receive(descriptor: int, timeout: float | None = None) -> tuple[bytes, bytes]:
    """Kind and body. Raises ClosedError, and LateError after `timeout` seconds."""
    deadline = None if timeout is None else time.monotonic() + timeout
    kind, length = _HEAD.unpack(_exactly(descriptor, _HEAD.size, deadline))
    return kind, _exactly(descriptor, length, deadline)


def _exactly(descriptor: int, count: int, deadline: float | None) -> bytes:
    parts: list[bytes] = []
    while count:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise LateError
        part = os.read(descriptor, min(count, _CHUNK))
        if not part:
            raise ClosedError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
