"""The sandbox as the worker sees it: it starts the process, and ends it when that takes too long."""

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
    APPLY,
    DONE,
    FAILED,
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
"""Takes the view id that the program returned for each event (None: skip it). Returns the slot of each event
(-1: skip it), and the bytes of the view in each slot."""

_VIEWS = msgspec.json.Decoder(list[msgspec.Raw])
_KEYS = msgspec.json.Decoder(list[str | None])


class Sandbox:
    """The program `text` in a confined process, which may take `limits`. Only one thread may use it."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._text = text
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process; None while there is none."""
        return None if self._process is None else self._process.pid

    def load(self) -> None:
        """Starts the process and loads the program. Raises ProgramError, with the interpreter's message."""
        task = {"text": self._text, "gas": self._limits.gas, "memory": self._limits.memory << 20}
        try:
            self._start()
            self._send(LOAD, json.dumps(task).encode())
            kind, body = self._receive(_LOAD_SECONDS)
        except PoisonError as error:
            raise ProgramError(f"the program cannot be loaded: {error}") from error
        if kind != DONE:
            self.close()
            raise ProgramError(f"the program cannot be loaded: {json.loads(body)[1]}")

    def apply(
        self, events: Sequence[bytes], lookup: Lookup, columns: Sequence[Sequence[str]] = ()
    ) -> list[bytes | None]:
        """Runs the program over `events`, in their order, and returns the new view of each slot (None: delete
        it).

        An event is a JSON object, or a row of the values of `columns`. `lookup` returns the views as they
        are. Raises PoisonError if one event fails; the result of the others is then dropped.
        """
        if self._process is None:
            self.load()
        joined = b",".join(events)
        if found := beyond_64_bits(joined):
            raise PoisonError("decode", f"the event holds an integer beyond 64 bits: {found}")
        head = json.dumps([len(events), columns]).encode()
        self._send(APPLY, b"%b\n[%b]" % (head, joined))
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
        """Ends the process. The next call starts a new one."""
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
            # It waits for views: told that there are none, it gives up this batch and is ready for another.
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
            raise PoisonError("program", "key() must return a text, or None to skip the event") from None
        if len(keys) != count:
            self.close()
            raise PoisonError("program", "the sandbox returned keys for another number of events than it got")
        return keys

    def _view(self, raw: bytes) -> bytes | None:
        if raw == b"null":
            return None
        if not raw.startswith(b"{"):
            raise PoisonError("program", f"project() must return a dict or None, not {raw[:40]!r}")
        if len(raw) > self._limits.view:
            raise PoisonError("size", f"the view has {len(raw)} bytes; {self._limits.view} are allowed")
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
            raise PoisonError("crash", "the sandbox sent an answer that nobody asked for") from None
        except ClosedError:
            self._ended()
            raise

    def _ended(self) -> None:
        """Raises a PoisonError that says why the process has ended."""
        assert self._process is not None
        status = self._process.wait()
        self.close()
        if status in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL):
            raise PoisonError(
                "memory", f"the program needs more memory than {self._limits.memory} MiB"
            ) from None
        raise PoisonError("crash", f"the process of the sandbox ended with status {status}") from None


def _descriptor(pipe: object) -> int:
    number: int = pipe.fileno()  # type: ignore[attr-defined]  # a pipe, since Popen was asked for one
    return number
