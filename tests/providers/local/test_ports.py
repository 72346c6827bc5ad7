"""No two servers have the same port, at any offset."""

import pytest

from infra.declared import LOCAL_PORTS as PORTS
from providers.local.ports import EPHEMERAL, UnknownPortError

_ALL = [
    *PORTS.ports.values(),
    *(number for row in PORTS.ranges.values() for number in row.numbers),
]


def test_no_two_ports_are_the_same() -> None:
    assert len(set(_ALL)) == len(_ALL)


@pytest.mark.parametrize("offset", [500, 1000, 1500, 2000, 2500])
def test_stacks_at_these_offsets_do_not_meet(offset: int) -> None:
    assert not set(_ALL) & {number + offset for number in _ALL}


def test_largest_offset_stays_below_the_ephemeral_range() -> None:
    assert max(_ALL) + PORTS.largest_offset < EPHEMERAL


def test_ports_of_any_number_of_workloads_are_below_all_others_at_every_offset() -> None:
    several = [number for row in PORTS.ranges.values() for number in row.numbers]
    assert max(several) + PORTS.largest_offset < min(PORTS.ports.values())


def test_a_component_has_the_ports_of_all_its_workloads() -> None:
    assert set(PORTS.of_components(["spark"], 0)) == {
        "spark-master.rpc",
        "spark-master.ui",
        "spark-worker.rpc",
        "spark-worker.ui",
    }
    assert PORTS.of_components(["object_store"], 10) == {
        "object_store.s3": 29010,
        "object_store.console": 29011,
    }


def test_port_without_a_row_says_where_to_add_one() -> None:
    with pytest.raises(UnknownPortError, match="in its component's declaration"):
        PORTS.port("trino", "https", 0)


def test_workloads_of_one_component_have_the_ports_of_their_numbers() -> None:
    assert [PORTS.port("projections-carriers-all", "http", 10, number) for number in (8700, 8763)] == [
        20010,
        20073,
    ]
    assert PORTS.of_components(["projections"], 10, {"projections": [0, 63]}) == {
        "projections-0.http": 20010,
        "projections-63.http": 20073,
    }
    assert PORTS.of_components(["redis"], 0, {"projections": [0]}) == {"redis.redis": 26379}
    with pytest.raises(UnknownPortError):
        PORTS.port("projections-carriers-all", "http", 0, 9200)
