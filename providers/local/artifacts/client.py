"""Package clients (mvn, pip, go) as child processes: watched while they run, ended when they hang."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from providers.local.artifacts.errors import FetchError, StalledError

Progress = Callable[[str], None]

ATTEMPTS = 3
CONNECT_SECONDS = 30
READ_SECONDS = 60
_POLL_SECONDS = 0.5
_REPORT_SECONDS = 2.0
_MEGABYTE = 1_000_000


def stall_seconds() -> float:
    """How long a client may make no progress before it is ended (NEBULA_STALL_SECONDS)."""
    return float(os.environ.get("NEBULA_STALL_SECONDS", "120"))


def retrying(progress: Progress) -> Retrying:
    """A few attempts with a growing pause, for what a network can do to a download."""

    def announce(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        reason = str(failure).splitlines()[0] if failure else ""
        progress(f"attempt {state.attempt_number} of {ATTEMPTS} failed, trying again: {reason}")

    return Retrying(
        retry=retry_if_exception_type(FetchError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=float(os.environ.get("NEBULA_RETRY_SECONDS", "1")), max=20),
        before_sleep=announce,
        reraise=True,
    )


class Download:
    """Turns the growth of a file into progress lines: `downloading x 62 of 194 MB, 11.2 MB/s`."""

    def __init__(self, subject: str, size: int, measure: Callable[[], int], progress: Progress) -> None:
        self._subject = subject
        self._size = size
        self._measure = measure
        self._progress = progress
        self._samples = [(time.monotonic(), 0)]
        self._reported = time.monotonic()

    def __call__(self) -> int:
        """The bytes so far; says so from time to time."""
        now, done = time.monotonic(), min(self._measure(), self._size)
        if now - self._reported >= _REPORT_SECONDS and done:
            self._samples = [*self._samples[-9:], (now, done)]
            since, before = self._samples[0]
            speed = max(0, done - before) / _MEGABYTE / (now - since)
            self._reported = now
            self._progress(
                f"{self._subject} {done / _MEGABYTE:.0f} of {self._size / _MEGABYTE:.0f} MB, {speed:.1f} MB/s"
            )
        return done


def run(
    subject: str,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    activity: Callable[[], int],
    directory: Path | None = None,
    stalls: bool = True,
) -> str:
    """Run a client to its end and return what it printed.

    `activity` is polled: a number that changes while the client gets on. With `stalls`, a client
    whose activity and output stand still for `stall_seconds()` is ended with StalledError. A client
    that fails raises FetchError with its last lines; one that outlives this process is killed by
    the system.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        try:
            child = subprocess.Popen(
                [*_dies_with_parent(), *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=directory,
                start_new_session=True,
            )
        except FileNotFoundError as missing:
            raise FetchError(f"{subject}: cannot run {argv[0]}: {missing}. Install it and run again.") from missing
        try:
            _watch(subject, child, lambda: (activity(), os.fstat(output.fileno()).st_size), stalls)
        finally:
            _end(child)
        output.seek(0)
        printed = output.read()
    if child.returncode:
        raise FetchError(
            f"{subject}: {Path(argv[0]).name} ended with {child.returncode}. Check the network, the proxy "
            f"variables (HTTPS_PROXY, NO_PROXY) and SSL_CERT_FILE, then run again.\n{_tail(printed)}"
        )
    return printed


def _watch(
    subject: str, child: "subprocess.Popen[bytes] | subprocess.Popen[str]", look: Callable[[], object], stalls: bool
) -> None:
    limit = stall_seconds()
    seen, since = look(), time.monotonic()
    while True:
        try:
            child.wait(_POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            current = look()
        if current != seen:
            seen, since = current, time.monotonic()
        elif stalls and time.monotonic() - since > limit:
            raise StalledError(
                f"{subject}: no progress for {limit:.0f} s, ended. Check the network; "
                "NEBULA_STALL_SECONDS allows a slow one more."
            )


def _end(child: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """End the client and what it started: it leads its own process group."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _dies_with_parent() -> list[str]:
    """A launcher prefix on Linux: a killed `up` leaves no client behind that writes to the cache."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _tail(printed: str, lines: int = 25) -> str:
    kept = [line for line in printed.splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in kept[-lines:])
