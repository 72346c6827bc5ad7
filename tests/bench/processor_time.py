"""How long processors worked, for whom."""

import os
import time
from collections.abc import Callable

import psutil

_TICK = os.sysconf("SC_CLK_TCK")


def now() -> float:
    """Seconds since the machine's start, the clock that processes' start times are given in."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def started(pid: int) -> float:
    """When the process began, by `now`'s clock. Raises FileNotFoundError when it is gone."""
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[19]) / _TICK


def cores() -> int:
    """Processors that this process, and so what it starts, may use."""
    return len(os.sched_getaffinity(0))


def of_tree(pid: int) -> float:
    """Processor seconds of a process, its descendants and those of them that ended and were waited for."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(own + ended for own, ended in map(of_process, family))


def of_process(process: psutil.Process) -> tuple[float, float]:
    """Processor seconds of the process itself, and of its children that ended."""
    try:
        times = process.cpu_times()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0, 0.0
    return times.user + times.system, times.children_user + times.children_system


def of_machine() -> float:
    """Processor seconds of everything since the machine's start."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq


def timed(action: Callable[[], object]) -> float:
    """Seconds that `action` takes."""
    begin = now()
    action()
    return now() - begin
