"""Searches the places where another user of the machine could read a stack's secrets."""

import os
import re
import stat
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from providers.local import paths
from tests.e2e.stack import Stack

_SHORTEST = 20
"""A shorter value would be found by chance."""
_NAMES = ("username", "access-key-id")
_INTERVAL = 0.1

Locations = list[str]


def secrets_of(stack: Stack) -> set[str]:
    """Return every secret of the stack: those in its outputs, those in its directory, and its passphrase."""
    found = set(_passwords(stack.outputs()["credentials"]))
    found |= {path.read_text() for path in (stack.directory / "secrets").iterdir() if path.is_file()}
    found.add(stack.passphrase.read_text())
    assert all(len(secret) >= _SHORTEST for secret in found)
    return found


def _passwords(credentials: Mapping[str, Any]) -> Iterator[str]:
    for key, value in credentials.items():
        if isinstance(value, Mapping):
            yield from _passwords(value)
        elif not key.endswith(_NAMES):
            yield str(value)


class ProcessWatch:
    """Records the command line of every process of the machine, ten times a second, short-lived ones
    included."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.arguments: dict[tuple[int, bytes], str] = {}
        """Command lines, by pid and text."""

    def __enter__(self) -> "ProcessWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self.look()

    def look(self) -> None:
        for pid in _pids():
            if line := _read(Path(f"/proc/{pid}/cmdline")):
                self.arguments.setdefault((pid, line), f"argv of pid {pid}: {_program(line)}")


class Exposure:
    """Searches a stack for its secrets, one method for each kind of place.

    `watch` recorded the processes of the stack's first run, which began at the time `since`, in seconds since
    1970. Every method takes the secrets and returns the places that contain one, without the secret itself.
    """

    def __init__(self, stack: Stack, watch: ProcessWatch, since: float) -> None:
        self._stack = stack
        self._watch = watch
        self._since = since

    @property
    def searches(self) -> Mapping[str, Callable[[Collection[str]], Locations]]:
        return {
            "state": self.in_state,
            "logs": self.in_logs,
            "engine output": self.in_engine_output,
            "arguments": self.in_arguments,
            "environments": self.in_environments,
            "readable files": self.in_readable_files,
        }

    def in_state(self, secrets: Collection[str]) -> Locations:
        """Search the stack's whole Pulumi backend: state, history and backups."""
        return _in_files(self._stack.backend.rglob("*"), secrets)

    def in_logs(self, secrets: Collection[str]) -> Locations:
        """Search the logs of servers and tasks, of supervisord and of the engine."""
        logs = [self._stack.directory / "logs", self._stack.directory / "supervisord", self._stack.home]
        specs = self._stack.directory / "supervisord" / "specs"  # what a server is started from: 0600
        files = (path for folder in logs for path in folder.rglob("*") if not path.is_relative_to(specs))
        return _in_files(files, secrets)

    def in_engine_output(self, secrets: Collection[str]) -> Locations:
        """Search the output of every run of the engine. The engine's event log is left out: it contains debug
        messages, in which Pulumi's SDK writes outputs in clear, as `--debug` does."""
        return _in_files(self._stack.logs.rglob("*.log"), secrets)

    def in_arguments(self, secrets: Collection[str]) -> Locations:
        """Search the command lines of all recorded processes, which every user can list with `ps`."""
        self._watch.look()
        pattern = _pattern(secrets)
        return [where for (_, line), where in self._watch.arguments.items() if pattern.search(line)]

    def in_environments(self, secrets: Collection[str]) -> Locations:
        """Search the environments of the processes that run as another user."""
        pattern = _pattern(secrets)
        return [f"environment of pid {pid}" for pid in _pids() if _of_another(pid) and _has(pid, pattern)]

    def in_readable_files(self, secrets: Collection[str]) -> Locations:
        """Search the files that any user of the machine can read: below the stack's directories, and those
        that its runs wrote to the cache and the directory for temporary files."""
        cache = paths.cache_directory()
        shared = (cache / "software", cache / "apps", Path(tempfile.gettempdir()))
        written = {path for place in shared for path in _recent(place, self._since)}
        found = written.union(_with_all_below(self._stack.tmp))
        return _in_files((path for path in found if readable_by_all(path)), secrets)


def _with_all_below(root: Path) -> Iterator[Path]:
    yield root
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".venv" and _passable(Path(folder, name))]
        yield from (Path(folder, name) for name in names)


def readable_by_all(path: Path) -> bool:
    """Return whether every user of the machine can read the file."""
    try:
        mode = path.lstat().st_mode
        return (
            stat.S_ISREG(mode)
            and bool(mode & stat.S_IROTH)
            and all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
        )
    except (FileNotFoundError, NotADirectoryError):
        return False


def _recent(root: Path, since: float) -> Iterator[Path]:
    """Yield the files below `root` that were written after `since`, in folders that any user may enter."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if _passable(Path(folder, name))]
        for name in names:
            path = Path(folder, name)
            try:
                if path.lstat().st_mtime >= since:
                    yield path
            except FileNotFoundError:
                continue


def _passable(path: Path) -> bool:
    try:
        return bool(path.lstat().st_mode & stat.S_IXOTH)
    except FileNotFoundError:
        return False


def _in_files(files: Iterable[Path], secrets: Collection[str]) -> Locations:
    pattern = _pattern(secrets)
    return [str(path) for path in files if _regular(path) and pattern.search(_read(path))]


def _pattern(secrets: Collection[str]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(re.escape(secret.encode()) for secret in sorted(secrets)))


def _regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return b""


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _of_another(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}").stat().st_uid != os.geteuid()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _has(pid: int, pattern: re.Pattern[bytes]) -> bool:
    return bool(pattern.search(_read(Path(f"/proc/{pid}/environ"))))


def _program(line: bytes) -> str:
    return os.fsdecode(line.partition(b"\0")[0])
