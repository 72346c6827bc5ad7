"""Compares the processes, listening ports and files of the machine before and after a stack."""

import fcntl
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from providers.local import paths
from providers.local.plugin.accounts import server_account
from providers.local.plugin.os_processes import DIRECTORY_VARIABLE
from tests.e2e.machine import files_below

_BYTE_CODE = "__pycache__"
_SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def killing_servers() -> Iterator[None]:
    """Kill servers in this context only: the shared memory of a killed Postgres is nobody's until Postgres
    starts again, and a footprint that another test takes meanwhile would count it as left."""
    with _locked(fcntl.LOCK_SH):
        yield


@contextmanager
def _locked(kind: int) -> Iterator[None]:
    descriptor = os.open(
        Path(tempfile.gettempdir()) / "nebula-test-footprint.lock", os.O_RDWR | os.O_CREAT, 0o666
    )
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)  # which unlocks it


@dataclass(frozen=True)
class Footprint:
    """The state of the machine at one moment.

    `processes` are pairs of pid and start time, `ports` the listening TCP ports, and `software` the files of
    the installed software, each with its time of change. `files` are all files below the directories that
    belong to the stack alone, its `PrivateDirectories` among them, and the first level of the directories
    that it shares with others.
    """

    processes: frozenset[tuple[int, float]]
    ports: frozenset[int]
    files: frozenset[Path]
    software: frozenset[tuple[Path, int]]

    @classmethod
    def take(cls, *private: Path) -> "Footprint":
        """Return the state of the whole machine now. The `private` directories are read completely."""
        return cls(
            frozenset((process.pid, process.create_time()) for process in _living()),
            frozenset(connection.laddr.port for connection in _listeners()),
            frozenset(_files(private)),
            frozenset(_software()),
        )

    def left_since(self, directory: Path, but: Collection[Path]) -> dict[str, list[str]]:
        """What is there now, was not then, and cannot be somebody else's than the stack's that had its
        files below `directory`; `lost` is what was there in it, `changed` what differs in software that
        was installed then: it serves every stack. What is below `but` does not count."""
        with _locked(fcntl.LOCK_EX):
            return self._left_since(directory, but)

    def _left_since(self, directory: Path, but: Collection[Path]) -> dict[str, list[str]]:
        now = Footprint.take(directory)
        listeners = {(connection.laddr.port, connection.pid) for connection in _listeners()}
        ours = {process.pid: process for process in _living() if self._is_ours(process, directory)}
        theirs = {process.pid for process in _living()} - ours.keys()
        # Of a process that has ended since nothing is left, neither its port.
        listeners &= {(connection.laddr.port, connection.pid) for connection in _listeners()}
        ports = sorted(port for port, pid in listeners if port not in self.ports and pid not in theirs)
        counted = {path for path in now.files ^ self.files if not any(map(path.is_relative_to, but))}
        made = [path for path in counted & now.files if _may_be_ours(path, theirs)]
        lost = [path for path in counted & self.files if path.is_relative_to(directory)]
        homes = {_home_of(path) for path, _ in self.software}
        changed = {path for path, _ in now.software ^ self.software if _home_of(path) in homes}
        left = {
            "processes": [f"{pid}: {process.cmdline()}" for pid, process in ours.items()],
            "ports": [str(port) for port in ports],
            "files": [str(path) for path in sorted(made)],
            "lost": [str(path) for path in sorted(lost)],
            "changed": [str(path) for path in sorted(changed)],
        }
        return {kind: found for kind, found in left.items() if found}

    def _is_ours(self, process: psutil.Process, directory: Path) -> bool:
        """Return whether a process is new and the stack's: it names the stack, or it names no stack and
        either runs below the test's directory or is an orphan that runs the platform's software."""
        try:
            if (process.pid, process.create_time()) in self.processes:
                return False
            environment = process.environ()
            mark = environment.get(DIRECTORY_VARIABLE, "") or environment.get("PULUMI_HOME", "")
            if mark:
                return Path(mark).is_relative_to(directory)
            if any(parent.pid == os.getpid() for parent in process.parents()):
                return True
            program = Path((process.cmdline() or [""])[0])
            return process.ppid() == 1 and program.is_relative_to(paths.cache_directory())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


def _living() -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE:
            yield process


def _listeners() -> list[Any]:
    return [
        connection
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    ]


def _files(private: Collection[Path]) -> Iterator[Path]:
    for place in (paths.stack_directory("any").parent, _SHARED_MEMORY):
        if place.is_dir():
            yield from place.iterdir()
    yield from (path for path in files_below(*private) if _BYTE_CODE not in path.parts)


def _software() -> Iterator[tuple[Path, int]]:
    for folder, folders, names in os.walk(_software_directory()):
        folders[:] = [name for name in folders if name != _BYTE_CODE]
        for name in names:
            path = Path(folder, name)
            try:
                yield path, path.lstat().st_mtime_ns
            except FileNotFoundError:
                continue  # of an installation that somebody else is at


def _software_directory() -> Path:
    return paths.cache_directory() / "software"


def _home_of(path: Path) -> str:
    """Return the name of the software directory that a file is in. A lock file beside the directories counts
    by itself."""
    return path.relative_to(_software_directory()).parts[0]


def _may_be_ours(path: Path, theirs: Collection[int]) -> bool:
    """Return whether a file can be the stack's: it belongs to this user, and is not shared memory of another
    stack's process."""
    try:
        user = path.lstat().st_uid
    except FileNotFoundError:
        return False
    account = server_account(unprivileged=True)
    if user not in (os.geteuid(), account.user if account else os.geteuid()):
        return False
    return not path.is_relative_to(_SHARED_MEMORY) or not any(_maps(pid, path) for pid in theirs)


def _maps(pid: int, path: Path) -> bool:
    try:
        return str(path) in Path(f"/proc/{pid}/maps").read_text()
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return False
