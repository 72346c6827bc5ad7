"""Runs pip for `.venv` and shows one line of progress in the place of its output, which goes into a log.

`python3 -m infra.engine.install_packages LOCK LOG COMMAND...`: the Makefile runs it before `.venv` exists, so
the standard library is all that it imports. It ends with the exit code of the command.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from infra.engine.console import Progress, say

_POLL_SECONDS = 0.2
_GRACE_SECONDS = 10.0
"""How long an interrupted pip may take to remove its temporary files before it is killed."""
_TAIL_LINES = 15
_INTERRUPTED = 130
"""What a shell reports for a program that Ctrl-C ended."""

_PIN = re.compile(r"^[A-Za-z0-9][\w.-]*==", re.MULTILINE)
_COLLECTING = re.compile(r"^Collecting ([^=\s]+)", re.MULTILINE)
# pip names the packages that it is about to write, and prints nothing more until all are written.
_WRITING = "\nInstalling collected packages:"


def step(log: str, total: int) -> str:
    """Returns the step that pip's output `log` has reached; `total` is the number of packages in the lock."""
    if _WRITING in log:
        return "writing the packages into .venv"
    fetched = _COLLECTING.findall(log)
    return f"fetching {len(fetched)} of {total} packages: {fetched[-1]}" if fetched else "starting pip"


def install(lock: Path, log: Path, command: Sequence[str]) -> int:
    """Runs `command` with its output in the file `log` and returns its exit code.

    On failure the last lines of the log and its path go to stderr. Ctrl-C and SIGTERM end the command too;
    the exit code is 130 then.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    total = len(_PIN.findall(lock.read_text(encoding="utf-8")))
    with log.open("wb") as output, _ended_by_sigterm():
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            with Progress(
                f"Installing the Python packages of {lock.name} (once; a minute or two)"
            ) as progress:
                while _runs(child):
                    progress(step(_text(log), total))
                if child.returncode:
                    raise _FailedError
        except _FailedError:
            _report(child.returncode, lock, log)
        except KeyboardInterrupt:
            _end(child)
            say(f"Interrupted. The next make starts the installation again; pip's log: {log}")
            return _INTERRUPTED
    return child.returncode


class _FailedError(Exception):
    """Leaves the progress without its "done"."""


def _runs(child: "subprocess.Popen[bytes]") -> bool:
    try:
        child.wait(_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ends the command: Ctrl-C on a terminal reaches it by itself, a signal to this process does not."""
    child.terminate()
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _report(code: int, lock: Path, log: Path) -> None:
    lines = [line for line in _text(log).splitlines() if line.strip()][-_TAIL_LINES:]
    say(
        f"error: the packages of {lock.name} are not installed: pip ended with {code}. Check the network and "
        "the proxy variables (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE), and run make again. "
        f"pip's whole log is {log}; its last lines:" + "".join(f"\n  {line}" for line in lines)
    )


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Treats SIGTERM like Ctrl-C: by default Python would end here and leave pip running."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(install(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
