"""Reads the processes of this machine from /proc, and ends processes.

A process is identified by its pid, its start time and the boot, because the kernel uses pids again.
"""

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DIRECTORY_VARIABLE = "NEBULA_STACK_DIRECTORY"
WORKLOAD_VARIABLE = "NEBULA_WORKLOAD"
"""The environment variables of every process that the plugin starts: the stack's directory and the
workload."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class ProcessIdentity:
    """Identifies one process for ever.

    `start` is its start time in clock ticks since the machine booted, `boot` is the kernel's id of that boot.
    """

    pid: int
    start: int
    boot: str

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "ProcessIdentity | None":
        """Return the identity in a record that `as_record` made, or None when the record is incomplete."""
        try:
            return cls(int(record["pid"]), int(record["start"]), str(record["boot"]))
        except (KeyError, TypeError, ValueError):
            return None

    def as_record(self) -> dict[str, Any]:
        """Return the identity as an object that can be written as JSON."""
        return asdict(self)

    def is_alive(self) -> bool:
        """Return whether this very process still runs."""
        return self.boot == boot_id() and self == process_identity(self.pid)


@dataclass(frozen=True)
class OsProcess:
    """A process of the machine as /proc/<pid>/stat describes it.

    `parent` is its parent's pid, `group` its process group, `state` the letter of proc(5) (T is stopped), and
    `start` its start time in clock ticks since the machine booted.
    """

    pid: int
    parent: int
    group: int
    state: str
    start: int


def boot_id() -> str:
    """Return the kernel's id of the current boot, which changes with every boot."""
    return _BOOT.read_text().strip()


def find_process(pid: int) -> OsProcess | None:
    """Return the process with this pid, or None when it has ended.

    A zombie has ended once its last thread has: until then it holds files, locks and ports.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX" and int(fields[17]) <= 1:
        return None
    return OsProcess(pid, int(fields[1]), int(fields[2]), fields[0], int(fields[19]))


def process_identity(pid: int) -> ProcessIdentity | None:
    """Return the identity of the process with this pid, or None when it has ended."""
    process = find_process(pid)
    return ProcessIdentity(pid, process.start, boot_id()) if process else None


def all_processes() -> dict[int, OsProcess]:
    """Return every living process of this machine by pid."""
    rows = (find_process(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
    return {row.pid: row for row in rows if row}


def with_descendants(roots: Iterable[int], rows: dict[int, OsProcess]) -> set[int]:
    """Return the pids among `rows` of the processes `roots`, their process groups and all their
    descendants."""
    children: dict[int, list[int]] = {}
    groups: dict[int, list[int]] = {}
    for row in rows.values():
        children.setdefault(row.parent, []).append(row.pid)
        groups.setdefault(row.group, []).append(row.pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in found or pid not in rows:
            continue
        found.add(pid)
        waiting += children.get(pid, [])
        if rows[pid].group == pid:
            waiting += groups.get(pid, [])
    return found


def ancestors(pid: int, rows: dict[int, OsProcess]) -> set[int]:
    """Return the pids of a process's parent, of the parent's parent, and so on."""
    found: set[int] = set()
    while pid in rows and rows[pid].parent not in found | {0}:
        pid = rows[pid].parent
        found.add(pid)
    return found


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with, or an empty one when this user may not read
    it."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return {}
    pairs = (item.partition(b"=") for item in raw.split(b"\0") if item)
    return {os.fsdecode(key): os.fsdecode(value) for key, _, value in pairs}


def marked_processes(directory: Path, workload: str | None = None) -> set[int]:
    """Return the pids of living processes whose environment names the stack in `directory`.

    With `workload`, only the processes of that workload are returned.
    """
    wanted = os.fsencode(f"{DIRECTORY_VARIABLE}={directory}")
    found: set[int] = set()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            variables = Path(f"/proc/{entry}/environ").read_bytes().split(b"\0")
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        if wanted in variables and (
            workload is None or os.fsencode(f"{WORKLOAD_VARIABLE}={workload}") in variables
        ):
            found.add(int(entry))
    return {pid for pid in found if find_process(pid)}


def command_line(pid: int) -> list[str]:
    """Return the command line of a process, or an empty list when this user may not read it."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return []
    return [os.fsdecode(word) for word in words[:-1]]


def command_summary(pid: int) -> str:
    """Return the command line of a process for a message, shortened to 80 characters."""
    with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        text = " ".join(os.fsdecode(word) for word in words if word)
        if text:
            return text if len(text) <= 80 else f"{text[:77]}..."
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return "unknown program"


def end_processes(pids: Collection[int], stop_signal: int = signal.SIGTERM, grace: float = 10.0) -> None:
    """Send `stop_signal` to processes, wait for `grace` seconds, and kill those that still live, with
    descendants.

    Processes that a SIGSTOP holds are continued first. Returns when all have ended, or 10 s after the kill
    when the kernel cannot end one. This process itself is skipped.
    """
    targets = {identity for pid in pids if pid != os.getpid() and (identity := process_identity(pid))}
    _signal_all(targets, stop_signal)
    _signal_all(targets, signal.SIGCONT)
    if _have_ended(targets, grace):
        return
    # A server may have started other processes meanwhile. They end with it.
    rows = all_processes()
    alive = {target.pid for target in targets if target.is_alive()}
    targets |= {
        identity
        for pid in with_descendants(alive, rows) - {os.getpid()}
        if (identity := process_identity(pid))
    }
    _signal_all(targets, signal.SIGKILL)
    _have_ended(targets, 10.0)


def resume_stopped(pids: Iterable[int], rows: dict[int, OsProcess]) -> None:
    """Continue the processes among `pids` that a SIGSTOP holds."""
    for pid in pids:
        if rows[pid].state == "T":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGCONT)


def _signal_all(targets: Iterable[ProcessIdentity], number: int) -> None:
    for target in targets:
        if target.is_alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(target.pid, number)


def _have_ended(targets: Iterable[ProcessIdentity], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(target.is_alive() for target in targets):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
