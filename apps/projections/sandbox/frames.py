"""The frames on the pipes between worker and sandbox: a kind, a length, and that many bytes."""

import os
import select
import time
from struct import Struct

LOAD, APPLY, KEYS, VIEWS, DONE, FAILED = b"L", b"A", b"K", b"V", b"D", b"E"
_HEAD = Struct(">cI")
_CHUNK = 1 << 20
LONGEST = (1 << 32) - 1
"""The largest number of bytes in a frame."""


class ClosedError(Exception):
    """The process on the other side has ended."""


class LateError(Exception):
    """The process on the other side did not answer in time."""


class OutOfTurnError(Exception):
    """The process on the other side sent more than one answer, or a longer one than is allowed."""


def send(descriptor: int, kind: bytes, body: bytes) -> None:
    """Writes one frame to `descriptor`. Raises ClosedError."""
    view = memoryview(_HEAD.pack(kind, len(body)) + body)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except BrokenPipeError:
        raise ClosedError from None


def receive(descriptor: int, timeout: float | None = None, most: int = LONGEST) -> tuple[bytes, bytes]:
    """Reads one frame from `descriptor` and returns its kind and its body.

    Raises LateError after `timeout` seconds (None: never), OutOfTurnError if the body has more than `most`
    bytes or another frame follows, and ClosedError.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    data = _read(descriptor, deadline)
    while len(data) < _HEAD.size:
        data += _read(descriptor, deadline)
    kind, length = _HEAD.unpack_from(data)
    if length > most:
        raise OutOfTurnError
    parts, missing = [data[_HEAD.size :]], _HEAD.size + length - len(data)
    while missing > 0:
        parts.append(_read(descriptor, deadline))
        missing -= len(parts[-1])
    if missing:
        raise OutOfTurnError
    return kind, b"".join(parts)


def _read(descriptor: int, deadline: float | None) -> bytes:
    """The bytes that have come, a whole frame mostly: each call may cost a turn of the interpreter's lock."""
    if deadline is not None:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            raise LateError
    part = os.read(descriptor, _CHUNK)
    if not part:
        raise ClosedError
    return part
