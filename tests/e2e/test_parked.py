"""A parked stack on one machine has no process, and the same endpoints, secrets and data when it is back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import light, machine
from tests.e2e.light import LIGHT
from tests.e2e.stack import Stack


@pytest.fixture(scope="module")
def stack(scratch_directory: Path, port_offset: int) -> Iterator[Stack]:
    """The light stack, with a mark in every server."""
    found = Stack("parked", scratch_directory, light.settings(*LIGHT), port_offset)
    try:
        found.up()
        for name, mark in light.marks(found, *LIGHT).items():
            mark.write(f"kept in {name}")
        yield found
    finally:
        found.remove()


def test_a_parked_stack_stops_and_comes_back_as_it_was(stack: Stack) -> None:
    before = stack.outputs()
    on = dict(stack.settings)
    stack.configure({**on, "power": "parked"})

    shown = stack.preview()
    assert shown.changes
    assert set(shown.changes.values()) == {"update"}
    assert {name: diffs for name, diffs in shown.diffs.items() if diffs != ["parked"]} == {}

    parked = stack.up()
    assert parked.changes == shown.changes
    assert machine.servers_of(stack.directory) == {}
    assert stack.outputs() == before
    assert {server.state for server in stack.servers().values()} == {"PARKED"}
    assert stack.preview().changes == {}
    stack.refresh()
    assert stack.preview().changes == {}

    stack.configure(on)
    back = stack.up()
    assert back.changes == shown.changes
    assert machine.servers_of(stack.directory) == light.expected(*LIGHT)
    assert stack.outputs() == before
    read = {name: mark.read() for name, mark in light.marks(stack, *LIGHT).items()}
    assert read == {name: f"kept in {name}" for name in LIGHT}
    assert stack.preview().changes == {}


def test_what_changes_while_parked_is_made_when_it_is_back(stack: Stack) -> None:
    on = dict(stack.settings)
    stack.configure({**on, "power": "parked", "buckets": ["later"]})
    stack.up()
    assert machine.servers_of(stack.directory) == {}
    stack.configure({**on, "buckets": ["later"]})
    stack.up()
    endpoint = stack.endpoint("object_store")
    assert "later" in endpoint["buckets"]
    assert light.client_of(endpoint, stack.credentials("object_store")).bucket_exists("later")


def test_a_parked_stack_is_destroyed_whole(stack: Stack) -> None:
    stack.configure({**stack.settings, "power": "parked"})
    stack.up()
    stack.destroy()
    assert not stack.directory.exists()
    assert machine.servers_of(stack.directory) == {}
