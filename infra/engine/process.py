"""Runs the engine in the foreground, so that one Ctrl-C interrupts it once.

The engine stops gracefully at the first interrupt and at once at the second. It therefore gets a process
group of its own, which becomes the terminal's foreground group: a Ctrl-C reaches it once, and a signal to
this process is passed on once.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Outcome:
    """The end of a command. `code` is its exit code as a shell gives it (128 + signal). `interrupted` tells
    whether this process was sent a signal to stop; a Ctrl-C at the terminal reaches the command alone."""

    code: int
    interrupted: bool


def run_foreground(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Outcome:
    """Runs `command` in `directory` with exactly the variables of `environment`, on this process's
    terminal."""
    with (
        _Signals() as signals,
        subprocess.Popen(command, cwd=directory, env=environment, process_group=0) as child,
        _foreground(child.pid),
    ):
        signals.pass_to(child.pid)
        code = child.wait()
    return Outcome(code if code >= 0 else 128 - code, bool(signals.received))


class _Signals:
    """Passes signals that ask this process to stop on to another process instead."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self._process: int | None = None

    def __enter__(self) -> "_Signals":
        self._before = {number: signal.signal(number, self._receive) for number in _PASSED_ON}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pass_to(self, process: int) -> None:
        """Passes the signals received so far, and those to come, on to `process`."""
        self._process = process
        for number in self.received:
            self._send(process, number)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)
        if self._process is not None:
            self._send(self._process, number)

    def _send(self, process: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


@contextlib.contextmanager
def _foreground(group: int) -> Iterator[None]:
    """Makes `group` the terminal's foreground process group, if this process's own is that, and undoes it at
    the end."""
    try:
        terminal = sys.stdin.fileno()
        is_foreground = os.tcgetpgrp(terminal) == os.getpgrp()
    except (OSError, ValueError, AttributeError):  # no terminal, or stdin is closed
        is_foreground = False
    if not is_foreground:
        yield
        return
    # A background group that changes the terminal's foreground group is stopped by SIGTTOU.
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        _lend(terminal, group)
        yield
    finally:
        os.tcsetpgrp(terminal, os.getpgrp())
        signal.signal(signal.SIGTTOU, before)


def _lend(terminal: int, group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended already
        os.tcsetpgrp(terminal, group)
        os.killpg(group, signal.SIGCONT)  # it may have touched the terminal before it was its own
