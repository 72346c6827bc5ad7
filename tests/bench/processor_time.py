"""Measures processor time."""

import os
import time
from collections.abc import Callable

import psutil

_TICK = os.sysconf("SC_CLK_TCK")


def now() -> float:
    """Return the seconds since the machine's start, which is the clock of processes' start times."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def started(pid: int) -> float:
    """Return when a process began, by the clock of `now`. Raises FileNotFoundError when it has ended."""
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[19]) / _TICK


def cores() -> int:
    """Return the number of processors that this process and its children may use."""
    return len(os.sched_getaffinity(0))


def of_tree(pid: int) -> float:
    """Return the processor seconds of a process and its descendants, including those that ended and were
    waited for."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(own + ended for own, ended in map(of_process, family))


def of_process(process: psutil.Process) -> tuple[float, float]:
    """Return the processor seconds of a process itself, and those of its children that ended."""
    try:
        times = process.cpu_times()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0, 0.0
    return times.user + times.system, times.children_user + times.children_system


def of_machine() -> float:
    """Return the processor seconds of all processes since the machine's start."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq


def timed(action: Callable[[], object]) -> float:
    """Run `action`, and return the seconds that it took."""
    begin = now()
    action()
    return now() - begin
