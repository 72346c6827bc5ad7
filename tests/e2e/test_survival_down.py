"""`make down` ends in bounded time and leaves nothing, whatever state the stack is in."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import light, machine
from tests.e2e.footprint import Footprint
from tests.e2e.light import LIGHT
from tests.e2e.private_directories import PrivateDirectories
from tests.e2e.stack import Stack


@pytest.fixture(scope="module")
def stack(scratch_directory: Path, port_offset: int) -> Iterator[Stack]:
    places = PrivateDirectories.make(scratch_directory / "places")
    stack = light.clone_stack("downed", scratch_directory, LIGHT, port_offset, places)
    yield stack
    stack.remove()


@pytest.fixture
def before(stack: Stack) -> Footprint:
    """Return the footprint of the machine before the stack was made."""
    assert not stack.directory.exists()
    assert machine.listening(light.ports(stack.port_offset)) == {}
    return Footprint.take(stack.tmp)


def assert_as(before: Footprint, stack: Stack) -> None:
    """Assert that no process, port or file is left, except for those of the checkout and the engine."""
    own = (stack.checkout.root, stack.home, stack.logs)
    assert before.left_since(stack.tmp, but=own) == {}
    assert machine.programs_of(stack.directory, files=True) == []
    assert machine.listening(light.ports(stack.port_offset)) == {}
    assert not stack.state_file.exists()


def up(stack: Stack) -> None:
    outcome = light.make(stack, "up")
    assert outcome.returncode == 0, outcome.stdout


def down(stack: Stack, **variables: str) -> None:
    outcome = light.make(stack, "down", **variables)
    assert outcome.returncode == 0, outcome.stdout


def test_down_after_an_up_that_was_killed_halfway(stack: Stack, before: Footprint) -> None:
    run = stack.start_up()
    assert run.wait_for("Process::postgres", "resOutputsEvent")
    run.kill()
    down(stack)
    assert_as(before, stack)


def test_down_with_wedged_servers(stack: Stack, before: Footprint) -> None:
    up(stack)
    memory = machine.shared_memory(stack.directory)
    assert memory, "postgres uses shared memory"
    for program in machine.programs_of(stack.directory):
        os.kill(program.pid, signal.SIGSTOP)
    down(stack)
    assert_as(before, stack)
    assert not [path for path in memory if Path(path).exists()]


def test_down_when_the_state_is_gone(stack: Stack, before: Footprint) -> None:
    up(stack)
    shutil.rmtree(stack.checkout.private)
    down(stack)
    assert_as(before, stack)
