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

from components.software import TABLE
from providers.local import artifacts, paths

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
    command: Sequence[str | Path], directory: Path, env: Mapping[str, str] | None = None
) -> Iterator[Path]:
    """Run a server; its output goes to the log file that is yielded. It is ended at the end."""
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={"PATH": os.environ["PATH"], "HOME": str(directory), **(env or {})},
            start_new_session=True,
        )
    try:
        yield log
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
