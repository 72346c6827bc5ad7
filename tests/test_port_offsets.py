"""Port offsets of tests: one each, and none on which somebody listens."""

import socket
from contextlib import ExitStack

import pytest

from infra.declared import LOCAL_PORTS
from tests import port_offsets
from tests.port_offsets import OFFSETS, leased_offset


def test_ports_of_two_offsets_never_meet() -> None:
    seen: set[int] = set()
    for offset in (0, *OFFSETS):
        own = {number + offset for number in LOCAL_PORTS.ports.values()}
        own |= {number + offset for several in LOCAL_PORTS.ranges.values() for number in several.numbers}
        assert not own & seen
        seen |= own


def test_an_offset_has_one_holder_at_a_time_and_is_free_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as held:
        first = held.enter_context(leased_offset())
        monkeypatch.setattr(port_offsets, "OFFSETS", [first])
        monkeypatch.setattr(port_offsets, "_LONGEST_WAIT", 0.1)
        monkeypatch.setattr(port_offsets, "_PAUSE", 0.01)
        with pytest.raises(TimeoutError, match="every port offset"):
            held.enter_context(leased_offset())
    with leased_offset() as again:
        assert again == first


def test_an_offset_on_which_somebody_listens_is_left_alone() -> None:
    with ExitStack() as held:
        with leased_offset() as offset:
            held.enter_context(socket.create_server(("127.0.0.1", LOCAL_PORTS.ports["nats.client"] + offset)))
        assert held.enter_context(leased_offset()) != offset
