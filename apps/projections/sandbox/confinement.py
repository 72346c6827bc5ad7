"""Takes rights from a sandbox's process, for good, whatever user it runs as.

A filter of system calls lets it use the pipes that it has and its own memory. Everything else is refused: to
start a process or a thread, to open a file or a socket, to signal or look into another process.
"""

import ctypes
import os
import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from apps.projections.errors import ProgramError

NOBODY = 65534
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2  # linux/prctl.h, linux/seccomp.h
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h: LD|W|ABS, JMP|JEQ|K, RET|K
_KILL, _REFUSE, _ALLOW = 0x80000000, 0x00050001, 0x7FFF0000  # the second is EPERM
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_INSTRUCTION = Struct("HBBI")


@dataclass(frozen=True)
class Machine:
    """An architecture as a filter sees it: its number, and its numbers of the calls that are allowed."""

    audit: int
    allowed: Sequence[int]
    tgkill: int


_CALLS: Mapping[str, tuple[int, int | None]] = {
    # Numbers on x86-64 and, where it has the call, on aarch64: asm/unistd_64.h and asm-generic/unistd.h.
    # The pipes that it has.
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    # Its memory.
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    # Itself: signals that it gets, locks, the clock, its end.
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "membarrier": (324, 283),
    "rseq": (334, 293),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "getrandom": (318, 278),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
MACHINES = {
    "x86_64": Machine(0xC000003E, tuple(one for one, _ in _CALLS.values()), tgkill=234),
    "aarch64": Machine(0xC00000B7, tuple(one for _, one in _CALLS.values() if one is not None), tgkill=131),
}


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def confine(memory: int) -> None:
    """Confines this process: it can open no file, start no process, and use `memory` bytes more than it has
    now.

    Raises ProgramError if the kernel cannot see to that. No program may be run then.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None:
        raise ProgramError(
            f"there is no sandbox on {platform.machine()}: run the worker on {' or '.join(MACHINES)}"
        )
    if len(os.listdir("/proc/self/task")) != 1:
        raise ProgramError("there is no sandbox: its process has threads, which the filter would not bind")
    libc = ctypes.CDLL(None, use_errno=True)
    code = filter_of(machine, os.getpid())
    if os.geteuid() == 0:
        _become_nobody()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory
    for which, value in (
        (resource.RLIMIT_AS, limit),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(which, (value, value))
    program = _Program(len(code) // _INSTRUCTION.size, code)
    _control(libc, _SET_NO_NEW_PRIVILEGES, 1, 0)
    _control(libc, _SET_SECCOMP, _FILTER, ctypes.addressof(program))


def filter_of(machine: Machine, pid: int) -> bytes:
    """Returns the filter of system calls for `machine`, as bytes of BPF instructions.

    It allows the listed calls, and lets the process `pid` signal itself: an allocation that fails aborts. It
    ends the process at a call by another architecture's number, and refuses all other calls.
    """
    count = len(machine.allowed)
    return b"".join(
        _INSTRUCTION.pack(*instruction)
        for instruction in (
            (_LOAD, 0, 0, _ARCHITECTURE),
            (_EQUAL, 1, 0, machine.audit),
            (_RETURN, 0, 0, _KILL),
            (_LOAD, 0, 0, _NUMBER),
            *((_EQUAL, count - at + 3, 0, number) for at, number in enumerate(machine.allowed)),
            (_EQUAL, 0, 2, machine.tgkill),
            (_LOAD, 0, 0, _FIRST_ARGUMENT),
            (_EQUAL, 1, 0, pid),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        )
    )


def _become_nobody() -> None:
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except OSError as error:
        raise ProgramError(f"there is no sandbox: root cannot become user {NOBODY} here: {error}") from None


def _control(libc: ctypes.CDLL, option: int, value: int, more: int) -> None:
    arguments = [ctypes.c_ulong(each) for each in (value, more, 0, 0)]
    if libc.prctl(ctypes.c_int(option), *arguments) != 0:
        why = os.strerror(ctypes.get_errno())
        raise ProgramError(f"there is no sandbox: the kernel refuses to filter system calls: {why}")
