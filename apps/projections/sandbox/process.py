"""The worker's side of the sandbox: keeps its process, and ends it when it takes too long."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from apps.projections.envelope import PoisonError, reason_of
from apps.projections.errors import ProgramError
from apps.projections.integers import beyond_64_bits
from apps.projections.sandbox.frames import (
    DONE,
    FAILED,
    FOLD,
    KEYS,
    LOAD,
    VIEWS,
    ClosedError,
    LateError,
    OutOfTurnError,
    receive,
    send,
)
from apps.projections.sandbox.limits import Limits

_LOAD_SECONDS = 30.0
_PIPE = 1 << 20
_SOURCE = Path(__file__).resolve().parents[3]


Lookup = Callable[[list[str | None]], tuple[list[int], list[bytes | None]]]
"""From the view ids that the program named for the events, to each one's slot (-1: skip) and the views in
the slots."""

_VIEWS = msgspec.json.Decoder(list[msgspec.Raw])
_KEYS = msgspec.json.Decoder(list[str | None])


class Sandbox:
    """One program. Not for use by several threads."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._text = text
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of its process, None while there is none."""
        return None if self._process is None else self._process.pid

    def load(self) -> None:
        """Start the process and load the program. Raises ProgramError with the interpreter's message."""
        given = {"text": self._text, "gas": self._limits.gas, "memory": self._limits.memory << 20}
        try:
            self._start()
            self._send(LOAD, json.dumps(given).encode())
            kind, body = self._receive(_LOAD_SECONDS)
        except PoisonError as error:
            raise ProgramError(f"the program cannot be loaded: {error}") from error
        if kind != DONE:
            self.close()
            raise ProgramError(f"the program cannot be loaded: {json.loads(body)[1]}")

    def fold(
        self, events: Sequence[bytes], lookup: Lookup, columns: Sequence[Sequence[str]] = ()
    ) -> list[bytes | None]:
        """The slots' new views, None for one to delete, after `events` in their order: encoded objects, or
        rows of the values of `columns`. Raises PoisonError when one of them fails; nothing of the others is
        then kept."""
        if self._process is None:
            self.load()
        joined = b",".join(events)
        if found := beyond_64_bits(joined):
            raise PoisonError("decode", f"the event holds an integer beyond 64 bits: {found}")
        head = json.dumps([len(events), columns]).encode()
        self._send(FOLD, b"%b\n[%b]" % (head, joined))
        kind, body = self._receive(self._limits.seconds)
        if kind == KEYS:
            slots, views = self._look_up(lookup, self._keys(body, len(events)))
            joined = b",".join([b"null" if view is None else view for view in views])
            self._send(VIEWS, b"[%b,[%b]]" % (msgspec.json.encode(slots), joined))
            kind, body = self._receive(self._limits.seconds)
        if kind == FAILED:
            name, text = json.loads(body)
            if name == "memory":
                # What ran out of memory is not asked again.
                self.close()
            raise PoisonError(name, reason_of(joined, text) if name == "decode" else text)
        if found := beyond_64_bits(body):
            raise PoisonError("program", f"the view holds an integer beyond 64 bits: {found}")
        return [self._view(bytes(raw)) for raw in _VIEWS.decode(body)]

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()

    def _look_up(self, lookup: Lookup, keys: list[str | None]) -> tuple[list[int], list[bytes | None]]:
        try:
            return lookup(keys)
        except PoisonError:
            # It waits for views: told that there are none, it gives up this fold and is ready for another.
            self._send(FAILED, b"")
            self._receive(self._limits.seconds)
            raise
        except BaseException:
            self.close()
            raise

    def _keys(self, body: bytes, count: int) -> list[str | None]:
        try:
            keys = _KEYS.decode(body)
        except msgspec.MsgspecError:
            self.close()
            raise PoisonError("program", "key() must return text, or None to skip the event") from None
        if len(keys) != count:
            self.close()
            raise PoisonError("program", "the sandbox named other events than it was given")
        return keys

    def _view(self, raw: bytes) -> bytes | None:
        if raw == b"null":
            return None
        if not raw.startswith(b"{"):
            raise PoisonError("program", f"project() must return a dict or None, not {raw[:40]!r}")
        if len(raw) > self._limits.view:
            raise PoisonError("size", f"a view of {len(raw)} bytes: {self._limits.view} are allowed")
        return raw

    def _start(self) -> None:
        environment = {"PYTHONPATH": str(_SOURCE), "RUST_BACKTRACE": "0", "PATH": os.defpath}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "apps.projections.sandbox.interpreter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
        )
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                fcntl.fcntl(_descriptor(pipe), fcntl.F_SETPIPE_SZ, _PIPE)

    def _send(self, kind: bytes, body: bytes) -> None:
        assert self._process is not None
        try:
            send(_descriptor(self._process.stdin), kind, body)
        except ClosedError:
            self._ended()

    def _receive(self, seconds: float) -> tuple[bytes, bytes]:
        assert self._process is not None
        try:
            # No more than it has memory for: this process has no such limit.
            return receive(_descriptor(self._process.stdout), seconds, self._limits.memory << 20)
        except LateError:
            self.close()
            raise PoisonError("time", f"the program did not end within {seconds:g} seconds") from None
        except OutOfTurnError:
            self.close()
            raise PoisonError("crash", "the sandbox answered what it was not asked") from None
        except ClosedError:
            self._ended()
            raise

    def _ended(self) -> None:
        """Raises PoisonError for why the process is gone."""
        assert self._process is not None
        status = self._process.wait()
        self.close()
        if status in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL):
            raise PoisonError(
                "memory", f"the program needs more memory than {self._limits.memory} MiB"
            ) from None
        raise PoisonError("crash", f"the sandbox ended with {status}") from None


def _descriptor(pipe: object) -> int:
    number: int = pipe.fileno()  # type: ignore[attr-defined]  # a pipe, since Popen was asked for one
    return number
