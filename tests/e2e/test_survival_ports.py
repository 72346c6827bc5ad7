"""A second engine runs, or other programs have the stack's ports."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.declared import LOCAL_PORTS
from tests.e2e import light, machine
from tests.e2e.stack import Stack
from tests.port_offsets import leased_offset

COMPONENTS = ("redis", "nats")
_LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); "
    "print('listening', flush=True); sys.stdin.read()"
)


@pytest.fixture
def place(scratch_directory: Path) -> Path:
    """Provide a directory that only this test uses."""
    path = Path(tempfile.mkdtemp(dir=scratch_directory))
    path.chmod(0o711)
    return path


@pytest.fixture
def stack(place: Path, port_offset: int) -> Iterator[Stack]:
    stack = Stack("first", place, light.settings(*COMPONENTS), port_offset)
    yield stack
    stack.remove()


@pytest.fixture
def second_offset() -> Iterator[int]:
    with leased_offset() as offset:
        yield offset


def everything_below(directory: Path) -> dict[Path, tuple[int, int]]:
    """Return every file and folder below `directory`, with its time of change and its size."""
    found = ((path, path.lstat()) for path in machine.files_below(directory))
    return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found}


def test_a_port_of_somebody_else_is_named_before_anything_starts(stack: Stack) -> None:
    number = LOCAL_PORTS.port("redis", "redis", stack.port_offset)
    with subprocess.Popen(
        [sys.executable, "-c", _LISTEN, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "listening\n"
        previewed, refused = stack.preview(check=False), stack.up(check=False)
        assert previewed.returncode == 0, previewed.output
        assert refused.returncode != 0
        for result in (previewed, refused):
            for part in (f"port {number} of redis", f"pid {holder.pid}", "import socket", "port_offset"):
                assert part in result.output
        assert not stack.directory.exists()
        assert machine.listening(light.ports(stack.port_offset)) == {number: holder.pid}
        holder.communicate()
    assert stack.preview().returncode == 0


def test_a_second_up_is_refused_and_touches_nothing(stack: Stack, place: Path) -> None:
    first = stack.start_up()
    assert first.wait_for("Host::local", "resOutputsEvent")
    # Frozen halfway, with its plugins: whatever changes now is the second one's doing.
    frozen = [psutil.Process(first.process.pid)]
    frozen += frozen[0].children(recursive=True)
    for process in frozen:
        process.suspend()
    before, state = everything_below(stack.directory), stack.state_file.read_bytes()

    refused = stack.up(check=False)
    assert refused.returncode != 0
    assert "pulumi cancel" in refused.output

    wrapped = light.make(stack, "up")
    assert wrapped.returncode == 1
    assert f"pid {first.process.pid}" in wrapped.stdout

    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    passphrase = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(stack.passphrase)}
    other = Stack("first", elsewhere, stack.settings, stack.port_offset, stack.checkout.root, passphrase)
    other.directory = stack.directory
    other.configure(stack.settings)
    refused = other.up(check=False)
    assert refused.returncode != 0
    assert "another pulumi is changing" in refused.output
    plugins = [process.pid for process in frozen if f"has pid {process.pid})" in refused.output]
    assert plugins, refused.output

    assert everything_below(stack.directory) == before
    assert stack.state_file.read_bytes() == state
    for process in frozen:
        process.send_signal(signal.SIGCONT)
    assert first.wait().returncode == 0
    assert machine.servers_of(stack.directory) == light.expected(*COMPONENTS)


def test_two_stacks_at_once_do_not_meet(stack: Stack, place: Path, second_offset: int) -> None:
    beside = place / "beside"
    beside.mkdir(mode=0o711)
    second = Stack("second", beside, light.settings(*COMPONENTS), second_offset)
    try:
        runs = [stack.start_up(), second.start_up()]
        for run in runs:
            result = run.wait()
            assert result.returncode == 0, result.output
        for one in (stack, second):
            assert machine.servers_of(one.directory) == light.expected(*COMPONENTS)
            pids = {program.pid for program in machine.programs_of(one.directory)}
            held = machine.listening(light.ports(one.port_offset))
            assert held
            assert set(held.values()) <= pids
            for name, mark in light.marks(one, *COMPONENTS).items():
                mark.write(f"{name} of {one.name}")
        assert light.marks(stack, "redis")["redis"].read() == "redis of first"

        second.destroy()
        assert machine.programs_of(second.directory, files=True) == []
        assert not second.directory.exists()
        assert machine.servers_of(stack.directory) == light.expected(*COMPONENTS)
        for name, mark in light.marks(stack, *COMPONENTS).items():
            assert mark.read() == f"{name} of first"
        assert stack.preview().changes == {}
    finally:
        second.remove()
