"""What a stack might leave on the machine: processes, listening ports and files, before and after."""

import os
import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from providers.local import paths
from providers.local.plugin.accounts import server_account
from providers.local.plugin.processes import DIRECTORY_MARK
from tests.e2e.machine import files_below

_BYTE_CODE = "__pycache__"
_SHARED_MEMORY = Path("/dev/shm")
_OTHER_TESTS = ("pytest-of-", "nebula-", "provisioner-test-")
"""What other tests make in the directory for temporary files."""
_NAMES_OF_OURS = re.compile(
    r"hsperfdata_|com_aayushatharva_|vertx|spark-|blockmgr-|trino|kafka|nessie|quarkus|kc-|keycloak|minio|nats|"
    r"jetstream|redis|PostgreSQL|\.s\.PGSQL|pulumi|nebula|.*netty|.*\.so$",
    re.IGNORECASE,
)
"""How the programs that a stack runs name what they leave in the directories for temporary files."""


@dataclass(frozen=True)
class Footprint:
    """The machine at one moment. `processes` are pid and start, `ports` the listening TCP ports."""

    processes: frozenset[tuple[int, float]]
    ports: frozenset[int]
    files: frozenset[Path]

    @classmethod
    def take(cls, *private: Path) -> "Footprint":
        """Of the whole machine; `private` directories are looked through completely, of the places that
        everybody writes to only the first level."""
        return cls(
            frozenset((process.pid, process.create_time()) for process in _living()),
            frozenset(connection.laddr.port for connection in _listeners()),
            frozenset(_files(private)),
        )

    def left_since(self, directory: Path, but: Collection[Path]) -> dict[str, list[str]]:
        """What is there now, was not then, and cannot be somebody else's than the stack's that had its
        files below `directory`; `lost` is what was there in it. What is below `but` does not count."""
        now = Footprint.take(directory)
        ours = {process.pid: process for process in _living() if self._is_ours(process, directory)}
        theirs = {process.pid for process in _living()} - ours.keys()
        ports = [
            connection.laddr.port
            for connection in _listeners()
            if connection.laddr.port not in self.ports and connection.pid not in theirs
        ]
        made = [
            path
            for path in now.files - self.files
            if not any(map(path.is_relative_to, but)) and _may_be_ours(path, theirs)
        ]
        lost = [path for path in self.files - now.files if path.is_relative_to(directory)]
        left = {
            "processes": [f"{pid}: {process.cmdline()}" for pid, process in ours.items()],
            "ports": [str(port) for port in ports],
            "files": [str(path) for path in sorted(made)],
            "lost": [str(path) for path in sorted(lost)],
        }
        return {kind: found for kind, found in left.items() if found}

    def _is_ours(self, process: psutil.Process, directory: Path) -> bool:
        """New, and with the stack's mark, or of no other stack and either below this test or an orphan
        that runs something of ours."""
        try:
            if (process.pid, process.create_time()) in self.processes:
                return False
            environment = process.environ()
            mark = environment.get(DIRECTORY_MARK, "") or environment.get("PULUMI_HOME", "")
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
    home = Path.home()
    for place in (paths.stack_directory("any").parent, home, home / ".pulumi"):
        if place.is_dir():
            yield from place.iterdir()
    for place in (_temporary(), _SHARED_MEMORY, Path("/var/tmp")):
        yield from (path for path in place.iterdir() if _looks_like_ours(path.name))
    yield from (path for path in files_below(*private) if _BYTE_CODE not in path.parts)


def _looks_like_ours(name: str) -> bool:
    """Whether a stack's programs may have left it where everybody writes: Java does not heed TMPDIR, by
    which the others keep to their own directory."""
    return bool(_NAMES_OF_OURS.match(name)) and not name.startswith(_OTHER_TESTS)


def _may_be_ours(path: Path, theirs: Collection[int]) -> bool:
    """Not another user's, and not shared memory that a process of somebody else's has mapped."""
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


def _temporary() -> Path:
    return Path(tempfile.gettempdir())
