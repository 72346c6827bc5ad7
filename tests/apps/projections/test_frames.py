"""What goes between worker and sandbox arrives whole, and only what was asked for."""

import os
import threading
from collections.abc import Iterator

import pytest

from apps.projections.sandbox.frames import DONE, KEYS, LateError, OutOfTurnError, receive, send

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb"):
        yield reading, writing


@pytest.mark.parametrize("size", [0, 1, 5, 1 << 16, (1 << 21) + 3])
def test_a_frame_arrives_as_it_was_sent(pipe: Pipe, size: int) -> None:
    body = os.urandom(size)
    sender = threading.Thread(target=send, args=(pipe[1], KEYS, body))
    sender.start()
    assert receive(pipe[0], 30) == (KEYS, body)
    sender.join()


def test_a_frame_that_comes_byte_by_byte_arrives(pipe: Pipe) -> None:
    def trickle() -> None:
        for byte in b"D\x00\x00\x00\x02ok":
            os.write(pipe[1], bytes([byte]))

    sender = threading.Thread(target=trickle)
    sender.start()
    assert receive(pipe[0], 30) == (DONE, b"ok")
    sender.join()


def test_more_than_was_asked_for_is_refused(pipe: Pipe) -> None:
    """An answer that is sent before its question could be taken for that of another batch."""
    os.write(pipe[1], b"D\x00\x00\x00\x02okD\x00\x00\x00\x02no")
    with pytest.raises(OutOfTurnError):
        receive(pipe[0], 30)


@pytest.mark.parametrize("begun", [b"", b"D\x00", b"D\x00\x00\x00\x02o"])
def test_a_frame_that_does_not_end_is_late(pipe: Pipe, begun: bytes) -> None:
    os.write(pipe[1], begun)
    with pytest.raises(LateError):
        receive(pipe[0], 0.01)


def test_a_frame_that_is_longer_than_it_can_be_is_refused_before_it_is_read(pipe: Pipe) -> None:
    os.write(pipe[1], b"D\x7f\xff\xff\xffok")
    with pytest.raises(OutOfTurnError):
        receive(pipe[0], 30, 1 << 20)
