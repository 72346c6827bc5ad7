"""The table of ports: no two servers meet, at any offset."""

import pytest

from providers.local.ports import EPHEMERAL, LARGEST_OFFSET, PORTS, UnknownPortError, port, ports_of


def test_no_two_ports_are_the_same() -> None:
    assert len(set(PORTS.values())) == len(PORTS)


@pytest.mark.parametrize("offset", [500, 1000, 2000, 2500])
def test_stacks_at_these_offsets_do_not_meet(offset: int) -> None:
    assert not set(PORTS.values()) & {number + offset for number in PORTS.values()}


def test_largest_offset_stays_below_the_ephemeral_range() -> None:
    assert max(PORTS.values()) + LARGEST_OFFSET < EPHEMERAL


def test_a_component_has_the_ports_of_all_its_workloads() -> None:
    assert set(ports_of(["spark"], 0)) == {
        "spark-master.rpc",
        "spark-master.ui",
        "spark-worker.rpc",
        "spark-worker.ui",
    }
    assert ports_of(["object_store"], 10) == {"object_store.s3": 29010, "object_store.console": 29011}


def test_port_without_a_row_says_where_to_add_one() -> None:
    with pytest.raises(UnknownPortError, match=r"ports\.py"):
        port("trino", "https", 0)
