"""What a sandbox's process can still do once it is confined, as whoever runs the tests, root among them."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from struct import Struct

import pytest

from apps.projections.sandbox.confinement import MACHINES, NOBODY, filter_of
from apps.projections.sandbox.limits import Limits
from apps.projections.sandbox.process import Sandbox
from tests.apps.projections.running import REPOSITORY

_REFUSED, _ALLOWED, _KILLED = 0x00050001, 0x7FFF0000, 0x80000000
_ATTEMPTS = """\
import ctypes, errno, json, os, signal, socket, sys, threading
from apps.projections.sandbox.confinement import confine

libc = ctypes.CDLL(None, use_errno=True)
if os.geteuid() == 0 and sys.argv[1] == "an ordinary user":
    os.setgroups([])
    os.setuid(1234)
confine(1 << 28)

def call(number):
    # The numbers of later calls are the same on every architecture.
    if libc.syscall(number, 0, 0, 0, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "")

attempts = {
    "fork": os.fork,
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "clone3": lambda: call(435),
    "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "openat2": lambda: call(437),
    "open, a file descriptor closed": lambda: (os.close(2), os.open("/etc/passwd", os.O_RDONLY)),
    "socket": lambda: socket.socket(socket.AF_UNIX),
    "pipe": os.pipe,
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "signal anybody": lambda: os.kill(-1, 0),
    "signal by descriptor": lambda: signal.pidfd_send_signal(0, signal.SIGTERM),
    "pidfd": lambda: os.pidfd_open(os.getppid()),
    "look into another process": lambda: call(438),
    "io_uring": lambda: call(425),
    "mount": lambda: call(428),
    "become root": lambda: os.setuid(0),
    "rename": lambda: os.rename("/tmp/a", "/tmp/b"),
    "nice": lambda: os.nice(1),
}
found = {}
for name, attempt in attempts.items():
    try:
        attempt()
        found[name] = "done"
    except OSError as error:
        found[name] = errno.errorcode[error.errno]
try:
    threading.Thread(target=print).start()
except RuntimeError as error:
    found["thread"] = str(error)
os.write(1, json.dumps(found).encode())
os._exit(0)
"""


@pytest.mark.parametrize("who", ["whoever this is", "an ordinary user"])
def test_a_confined_process_reaches_nothing_of_the_machine(who: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ATTEMPTS, who], cwd=REPOSITORY, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("thread") == "can't start new thread"
    assert {name: said for name, said in found.items() if said != "EPERM"} == {}
    assert len(found) == 19


def _status(pid: int) -> Mapping[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_a_running_sandbox_is_filtered_and_has_no_rights() -> None:
    sandbox = Sandbox("def key(event):\n    return 'k'\ndef project(view, event):\n    return {}\n", Limits())
    try:
        sandbox.load()
        assert sandbox.pid is not None
        status = _status(sandbox.pid)
    finally:
        sandbox.close()
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    assert status["Uid"].split() == [str(user)] * 4
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    if os.geteuid() == 0:
        assert status["Gid"].split() == [str(NOBODY)] * 4
        assert status["Groups"] == ""


def _judge(code: bytes, number: int, architecture: int, first: int = 0) -> int:
    """What a filter says, by the few instructions that ours are made of."""
    data = {0: number, 4: architecture, 16: first}
    instructions = list(Struct("HBBI").iter_unpack(code))
    at = value = 0
    while True:
        kind, yes, no, operand = instructions[at]
        at += 1
        if kind == 0x20:
            value = data[operand]
        elif kind == 0x15:
            at += yes if value == operand else no
        else:
            assert kind == 0x06
            return int(operand)


@pytest.mark.parametrize("name", MACHINES)
def test_a_filter_lets_what_is_listed_pass_and_nothing_else(name: str) -> None:
    machine = MACHINES[name]
    code = filter_of(machine, pid=77)
    for number in range(600):
        expected = _ALLOWED if number in machine.allowed else _REFUSED
        assert _judge(code, number, machine.audit, first=78) == expected, number
    assert _judge(code, machine.tgkill, machine.audit, first=77) == _ALLOWED
    # The numbers of x32 are those of x86-64 with this bit.
    assert _judge(code, machine.allowed[0] | 0x40000000, machine.audit) == _REFUSED


@pytest.mark.parametrize("name", MACHINES)
def test_the_numbers_of_another_architecture_end_the_process(name: str) -> None:
    code = filter_of(MACHINES[name], pid=77)
    for architecture in {0x40000003, *(each.audit for each in MACHINES.values())} - {MACHINES[name].audit}:
        assert _judge(code, MACHINES[name].allowed[0], architecture) == _KILLED


def test_a_machine_without_a_filter_runs_no_program() -> None:
    script = (
        "import platform\nplatform.machine = lambda: 'riscv64'\n"
        "from apps.projections.sandbox.confinement import confine\nconfine(1 << 28)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "no sandbox on riscv64: run the worker on x86_64 or aarch64" in done.stderr


def test_a_process_with_threads_is_not_taken_for_confined() -> None:
    script = (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "from apps.projections.sandbox.confinement import confine\nconfine(1 << 28)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "its process has threads" in done.stderr


def test_this_machine_is_known() -> None:
    assert platform.machine() in MACHINES
