"""The VPC: its zones, its ways out, and what is reached without one."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest

from tests.providers.aws.parts import network


@pytest.mark.parametrize(("nat", "gateways"), [("none", 0), ("one", 1), ("per-zone", 3)])
def test_nat_is_what_the_stack_says(nat: str, gateways: int) -> None:
    made = network(nat=nat)
    assert len(made.of_type("aws:ec2/natGateway:NatGateway")) == gateways
    assert len(made.of_type("aws:ec2/internetGateway:InternetGateway")) == (nat != "none")
    endpoints = made.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")
    # Without a way out, what nodes call must be in the network.
    assert ("network-ecr.dkr" in endpoints) is (nat == "none")
    assert endpoints["network-s3"].inputs["vpcEndpointType"] == "Gateway"


def test_production_reaches_aws_without_its_nat_gateways() -> None:
    endpoints = network(size="production").of_type("aws:ec2/vpcEndpoint:VpcEndpoint")
    assert {"network-ecr.api", "network-ecr.dkr", "network-sts", "network-secretsmanager"} <= set(endpoints)


@pytest.mark.parametrize("zones", [("a", "b"), ("a", "b", "c"), ("a", "c", "d")])
@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "10.20.0.0/20"])
def test_subnets_are_in_the_network_apart_and_one_in_each_zone(zones: tuple[str, ...], cidr: str) -> None:
    made = network(zones=zones, cidr=cidr, nat="per-zone")
    subnets = made.of_type("aws:ec2/subnet:Subnet").values()
    blocks = [IPv4Network(subnet.inputs["cidrBlock"]) for subnet in subnets]
    assert len(blocks) == 2 * len(zones)
    assert all(block.subnet_of(IPv4Network(cidr)) and block.prefixlen <= 28 for block in blocks)
    assert not [pair for pair in combinations(blocks, 2) if pair[0].overlaps(pair[1])]
    places = sorted(subnet.inputs["availabilityZone"] for subnet in subnets)
    assert places == sorted(f"eu-central-1{zone}" for zone in zones * 2)


def test_no_subnet_gives_public_addresses() -> None:
    for subnet in network(nat="per-zone").of_type("aws:ec2/subnet:Subnet").values():
        assert subnet.inputs["mapPublicIpOnLaunch"] is False


def test_flows_are_logged_and_the_log_ends() -> None:
    made = network()
    (log,) = made.of_type("aws:ec2/flowLog:FlowLog").values()
    assert log.inputs["trafficType"] == "ALL"
    (group,) = made.of_type("aws:cloudwatch/logGroup:LogGroup").values()
    assert group.inputs["retentionInDays"] == 30
