"""Real servers for the tests, started from the software table on free loopback ports."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from components.software import TABLE
from providers.local import artifacts, paths

_START_SECONDS = 600
_STOP_SECONDS = 30


def home(software: str) -> Path:
    """Where the software is installed; the test is skipped when it is not."""
    row = TABLE[software]
    path = artifacts.home_of(row.name, row.version, artifacts.locked_parts(row), paths.cache_directory())
    if not path.is_dir():
        pytest.skip(f"{software} is not installed: python -m providers.local.artifacts install {software}")
    return path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def private_directory(unprivileged: bool = False) -> Iterator[Path]:
    """A directory, removed at the end. `unprivileged` makes it the property of the user whom servers
    that refuse root run as (pytest's own temporary directories are closed to that user)."""
    directory = Path(tempfile.mkdtemp(prefix="provisioner-test-"))
    try:
        if unprivileged and os.geteuid() == 0:
            shutil.chown(directory, "nobody", "nogroup")
        yield directory
    finally:
        shutil.rmtree(directory)


def demote(command: Sequence[str]) -> list[str]:
    """`command` as the unprivileged user when this is root."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]


@contextmanager
def running(
    command: Sequence[str | Path],
    directory: Path,
    port: int,
    env: Mapping[str, str] | None = None,
    address: str = "127.0.0.1",
) -> Iterator[Path]:
    """Run a server, from when it listens on `port` of `address`; its output goes to the log file that is
    yielded. It is ended at the end."""
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(directory),
                "TMPDIR": str(directory),
                "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={directory} -XX:-UsePerfData",
                **(env or {}),
            },
            start_new_session=True,
        )
    try:
        _await_port(process, (address, port), log)
        yield log
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_port(process: subprocess.Popen[bytes], server: tuple[str, int], log: Path) -> None:
    def accepts() -> None:
        if process.poll() is not None:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            pytest.fail(f"{process.args!r} ended with {process.returncode}:\n{last}")
        socket.create_connection(server, timeout=5).close()

    Retrying(
        stop=stop_after_delay(_START_SECONDS),
        wait=wait_fixed(0.2),
        retry=retry_if_exception_type(OSError),
        reraise=True,
    )(accepts)
