"""Runs package clients (mvn, pip, go) as child processes, and ends those that hang."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from providers.local.artifacts.errors import FetchError, StalledError
from providers.local.artifacts.progress import Progress

ATTEMPTS = 3
CONNECT_SECONDS = 30
READ_SECONDS = 60
_POLL_SECONDS = 0.5
_TAIL_LINES = 15
_NETWORK = "Check the network, the proxy variables (HTTPS_PROXY, NO_PROXY) and SSL_CERT_FILE, then run again."


def stall_seconds() -> float:
    """Returns how many seconds a client may make no progress before it is ended (NEBULA_STALL_SECONDS)."""
    return float(os.environ.get("NEBULA_STALL_SECONDS", "120"))


def retrying(progress: Progress) -> Retrying:
    """Returns a policy that tries a download up to three times when it raises FetchError.

    The pauses between the attempts grow; NEBULA_RETRY_SECONDS is their unit.
    """

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


def run(
    subject: str,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    activity: Callable[[], int] | None,
    directory: Path | None = None,
    remedy: str = _NETWORK,
) -> str:
    """Runs a client to its end and returns what it printed on its standard output.

    `subject` begins the message of each error. `activity` is polled and returns a number that changes while
    the client makes progress. A client whose activity and output stand still for `stall_seconds()` is ended,
    and StalledError is raised; without `activity` there is no limit. A client that fails raises FetchError
    with `remedy` and its last lines. The system kills a client that outlives this process.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            child = subprocess.Popen(
                [*_dies_with_parent(), *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=dict(environment),
                cwd=directory,
                start_new_session=True,
            )
        except OSError as error:
            raise FetchError(f"{subject}: {argv[0]} cannot be started: {error}. {remedy}") from error
        try:
            _watch(subject, child, activity, lambda: _size(output) + _size(errors))
        finally:
            _end(child)
        printed, complaints = _text(output), _text(errors)
    if child.returncode:
        name = Path(argv[0]).name
        lines = _tail(printed) + _tail(complaints)
        raise FetchError("\n  ".join((f"{subject}: {name} ended with {child.returncode}. {remedy}", *lines)))
    return printed


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _watch(
    subject: str,
    child: subprocess.Popen[bytes],
    activity: Callable[[], int] | None,
    printed: Callable[[], int],
) -> None:
    limit = stall_seconds()
    seen, since = (-1, -1), time.monotonic()
    while True:
        try:
            child.wait(_POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            if activity is None:
                continue
            current = (activity(), printed())
        if current != seen:
            seen, since = current, time.monotonic()
        elif time.monotonic() - since > limit:
            raise StalledError(
                f"{subject}: the client made no progress for {limit:.0f} s and was ended. Check the network "
                "and run again; NEBULA_STALL_SECONDS=<seconds> gives a slow network more time."
            )


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the client and all that it started: it leads its own process group."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _dies_with_parent() -> list[str]:
    """Returns the words that let Linux end a client with this process: a client that outlives a killed `up`
    would go on writing into the cache."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _tail(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()][-_TAIL_LINES:]
