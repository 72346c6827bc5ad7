"""Processes of this machine as /proc shows them: who they are, whose they are, and their end.

A process is identified by pid, kernel start time and boot: a pid alone is reused.
"""

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DIRECTORY_MARK = "NEBULA_STACK_DIRECTORY"
WORKLOAD_MARK = "NEBULA_WORKLOAD"

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """A process for ever: `start` is in clock ticks since `boot`."""

    pid: int
    start: int
    boot: str

    @classmethod
    def parse(cls, record: dict[str, Any]) -> "Identity | None":
        """From a record as `as_record` gave it; None when it is incomplete."""
        try:
            return cls(int(record["pid"]), int(record["start"]), str(record["boot"]))
        except (KeyError, TypeError, ValueError):
            return None

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    def alive(self) -> bool:
        return self.boot == boot() and self == identify(self.pid)


@dataclass(frozen=True)
class Process:
    """One row of /proc. `state` is the letter of proc(5): T is stopped, Z a zombie."""

    pid: int
    parent: int
    group: int
    state: str
    start: int


def boot() -> str:
    return _BOOT.read_text().strip()


def look(pid: int) -> Process | None:
    """The process with this pid, None when it is gone or only a zombie is left of it.

    A zombie with other threads is no rest: until the last of them has ended, files, locks and ports are held.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX" and int(fields[17]) <= 1:
        return None
    return Process(pid, int(fields[1]), int(fields[2]), fields[0], int(fields[19]))


def identify(pid: int) -> Identity | None:
    process = look(pid)
    return Identity(pid, process.start, boot()) if process else None


def table() -> dict[int, Process]:
    """Every living process of this machine by pid."""
    rows = (look(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
    return {row.pid: row for row in rows if row}


def tree(roots: Iterable[int], rows: dict[int, Process]) -> set[int]:
    """`roots`, their process groups and all descendants, as far as they live."""
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


def ancestors(pid: int, rows: dict[int, Process]) -> set[int]:
    """The parent of a process, that one's, and so on."""
    found: set[int] = set()
    while pid in rows and rows[pid].parent not in found | {0}:
        pid = rows[pid].parent
        found.add(pid)
    return found


def environment(pid: int) -> dict[str, str]:
    """The environment that the process was started with; empty when it is not ours to read."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return {}
    pairs = (item.partition(b"=") for item in raw.split(b"\0") if item)
    return {os.fsdecode(key): os.fsdecode(value) for key, _, value in pairs}


def marked(directory: Path, workload: str | None = None) -> set[int]:
    """Living processes that were started for the stack in `directory` (and for `workload`)."""
    wanted = os.fsencode(f"{DIRECTORY_MARK}={directory}")
    found: set[int] = set()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            variables = Path(f"/proc/{entry}/environ").read_bytes().split(b"\0")
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        if wanted in variables and (
            workload is None or os.fsencode(f"{WORKLOAD_MARK}={workload}") in variables
        ):
            found.add(int(entry))
    return {pid for pid in found if look(pid)}


def arguments(pid: int) -> list[str]:
    """The command line of a process; empty when it is not ours to read."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return []
    return [os.fsdecode(word) for word in words[:-1]]


def program(pid: int) -> str:
    """What the process runs, for a message: its command line, shortened."""
    with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        text = " ".join(os.fsdecode(word) for word in words if word)
        if text:
            return text if len(text) <= 80 else f"{text[:77]}..."
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return "unknown program"


def end(pids: Collection[int], stop_signal: int = signal.SIGTERM, grace: float = 10.0) -> None:
    """End processes: ask with `stop_signal` (waking stopped ones), and kill what lives after `grace`
    seconds. Returns when none is left, or when the kernel does not let go of one for 10 s more."""
    targets = {identity for pid in pids if pid != os.getpid() and (identity := identify(pid))}
    _signal_all(targets, stop_signal)
    _signal_all(targets, signal.SIGCONT)
    if _gone(targets, grace):
        return
    # A server may have forked meanwhile: what descends from it goes with it.
    rows = table()
    alive = {target.pid for target in targets if target.alive()}
    targets |= {identity for pid in tree(alive, rows) - {os.getpid()} if (identity := identify(pid))}
    _signal_all(targets, signal.SIGKILL)
    _gone(targets, 10.0)


def wake(pids: Iterable[int], rows: dict[int, Process]) -> None:
    """Continue those that a SIGSTOP holds."""
    for pid in pids:
        if rows[pid].state == "T":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGCONT)


def _signal_all(targets: Iterable[Identity], number: int) -> None:
    for target in targets:
        if target.alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(target.pid, number)


def _gone(targets: Iterable[Identity], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(target.alive() for target in targets):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
