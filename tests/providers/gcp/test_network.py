"""How a network's addresses are shared out."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest

from providers.gcp.network import Ranges
from tests.infra.gcp_stack import run


@pytest.mark.parametrize("network", ["10.64.0.0/14", "10.0.0.0/12", "172.16.64.0/18"])
def test_ranges_are_within_the_network_and_apart(network: str) -> None:
    ranges = Ranges(IPv4Network(network))
    parts = [ranges.pods, ranges.nodes, ranges.services, ranges.managed, ranges.control_plane]
    assert all(part.subnet_of(ranges.network) for part in parts)
    assert not [(a, b) for a, b in combinations(parts, 2) if a.overlaps(b)]


def test_the_smallest_network_has_room_for_what_google_asks() -> None:
    """256 addresses for the pods of each node, and a /24 for managed services."""
    ranges = Ranges(IPv4Network("10.0.0.0/18"))
    assert ranges.pods.num_addresses // 256 >= 16
    assert ranges.managed.prefixlen <= 24
    assert ranges.control_plane.prefixlen == 28


@pytest.mark.parametrize(("given", "there"), [(None, True), (False, False), (True, True)])
def test_the_size_decides_on_a_way_out_unless_it_is_said(given: bool | None, there: bool) -> None:
    found = run("gcp-dev", {"gcp": {"nat": given}, "size": "small"}).of_type(
        "gcp:compute/routerNat:RouterNat"
    )
    assert bool(found) is there


def test_no_node_has_an_address_on_the_internet() -> None:
    (cluster,) = run("gcp-prod").of_type("gcp:container/cluster:Cluster").values()
    assert cluster.inputs["privateClusterConfig"]["enablePrivateNodes"] is True
