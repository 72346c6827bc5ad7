"""Estimates against sums made by hand. A month has 730 hours."""

from decimal import Decimal

import pytest

from infra.costs import estimate
from providers.costs import UNKNOWN
from tests.infra.costs.stacks import component, previewed, provider, step

AWS = provider("aws", "us-east-1")
GCP = provider("gcp", "us-central1")


def test_an_aws_cluster_with_its_nodes_and_network_costs_what_the_sum_by_hand_says() -> None:
    found = estimate(
        previewed(
            AWS,
            component("network"),
            component("cluster"),
            step("aws:ec2/natGateway:NatGateway", "nat", {"subnetId": UNKNOWN}, "network"),
            step("aws:ec2/eip:Eip", "nat", {"domain": "vpc"}, "network"),
            step(
                "aws:ec2/vpcEndpoint:VpcEndpoint",
                "ecr",
                {"vpcEndpointType": "Interface", "subnetIds": [UNKNOWN, UNKNOWN, UNKNOWN]},
                "network",
            ),
            step("aws:ec2/vpcEndpoint:VpcEndpoint", "s3", {"vpcEndpointType": "Gateway"}, "network"),
            step("aws:eks/cluster:Cluster", "cluster", {}, "cluster"),
            step(
                "aws:eks/nodeGroup:NodeGroup",
                "servers",
                {
                    "instanceTypes": ["m6i.xlarge"],
                    "scalingConfig": {"desiredSize": 3, "minSize": 3, "maxSize": 6},
                    "diskSize": 50,
                },
                "cluster",
            ),
        )
    )
    # network: NAT 730 × 0.045 = 32.85; address 730 × 0.005 = 3.65; endpoint in three zones
    # 3 × 730 × 0.01 = 21.90; the gateway endpoint is free. Together 58.40.
    assert found.by_component["network"] == Decimal("58.40")
    # cluster: control plane 730 × 0.10 = 73.00; nodes 3 × 730 × 0.192 = 420.48; their disks
    # 3 × 50 × 0.08 = 12.00. Together 505.48.
    assert found.by_component["cluster"] == Decimal("505.48")
    # 58.40 + 505.48
    assert found.total == Decimal("563.88")
    assert list(found.by_component) == ["cluster", "network"]
    assert found.unpriced == ()
    assert {each.what for each in found.by_use} == {
        "data through the NAT gateway",
        "up to 3 more × m6i.xlarge",
        "data through the endpoint",
    }


def test_a_database_in_two_zones_costs_twice() -> None:
    inputs = {"instanceClass": "db.m6g.large", "allocatedStorage": 100, "storageType": "gp3"}
    one = estimate(previewed(AWS, step("aws:rds/instance:Instance", "postgres", inputs)))
    two = estimate(previewed(AWS, step("aws:rds/instance:Instance", "postgres", {**inputs, "multiAz": True})))
    # 730 × 0.159 = 116.07 and 100 × 0.115 = 11.50: 127.57; twice that, 255.14.
    assert one.total == Decimal("127.57")
    assert two.total == Decimal("255.14")


def test_a_claim_on_a_cloud_s_cluster_is_a_disk_of_that_cloud() -> None:
    claim = {"spec": {"resources": {"requests": {"storage": "20Gi"}}}}
    pvc = step("kubernetes:core/v1:PersistentVolumeClaim", "kafka-data-0", claim)
    # 20 × 0.08 = 1.60 on AWS; 20 × 0.10 = 2.00 on GCP; nobody bills it on a cluster of one's own.
    assert estimate(previewed(AWS, pvc)).total == Decimal("1.60")
    assert estimate(previewed(GCP, pvc)).total == Decimal("2.00")
    assert estimate(previewed(pvc)).empty


def test_a_gke_cluster_with_a_pool_in_three_zones_and_cloud_nat() -> None:
    found = estimate(
        previewed(
            GCP,
            component("cluster"),
            step("gcp:container/cluster:Cluster", "cluster", {"location": "us-central1"}, "cluster"),
            step(
                "gcp:container/nodePool:NodePool",
                "servers",
                {
                    "nodeCount": 1,
                    "location": "us-central1",
                    "nodeConfig": {"machineType": "e2-standard-4", "diskSizeGb": 50},
                },
                "cluster",
            ),
            step("gcp:compute/routerNat:RouterNat", "nat", {}, "cluster"),
        )
    )
    # One node in each of three zones: 3 × 730 × 0.13402 = 293.5038; disks 3 × 50 × 0.10 = 15.00;
    # control plane 730 × 0.10 = 73.00; Cloud NAT 3 × 730 × 0.0014 = 3.066. Together 384.5698.
    assert found.total == Decimal("384.5698")
    assert found.as_dict()["total"] == "384.57"


def test_a_stopped_cloud_sql_costs_its_disk_alone() -> None:
    settings = {"tier": "db-custom-2-7680", "availabilityType": "REGIONAL", "diskSize": 50}
    database = "gcp:sql/databaseInstance:DatabaseInstance"
    on = estimate(previewed(GCP, step(database, "postgres", {"settings": settings})))
    off = estimate(
        previewed(GCP, step(database, "postgres", {"settings": {**settings, "activationPolicy": "NEVER"}}))
    )
    # Two copies: vCPU 2 × 2 × 730 × 0.0413 = 120.596; memory 2 × 7.5 × 730 × 0.007 = 76.65;
    # disk 2 × 50 × 0.17 = 17.00. Together 214.246; stopped, 17.00.
    assert on.total == Decimal("214.246")
    assert off.total == Decimal("17.00")


def test_a_stopped_rds_costs_its_storage_alone() -> None:
    inputs = {
        "identifier": "a",
        "instanceClass": "db.m6g.large",
        "allocatedStorage": 100,
        "storageType": "gp3",
    }
    server = step("aws:rds/instance:Instance", "postgres", inputs)

    def powered(identifier: str, state: str) -> Decimal:
        given = {"identifier": identifier, "state": state}
        power = step("aws:rds/instanceDesiredState:InstanceDesiredState", "postgres", given)
        return estimate(previewed(AWS, server, power)).total

    # 730 × 0.159 = 116.07 and 100 × 0.115 = 11.50: 127.57; stopped, 11.50.
    assert powered("a", "available") == Decimal("127.57")
    assert powered("a", "stopped") == Decimal("11.50")
    assert powered("another", "stopped") == Decimal("127.57")


def test_what_has_no_price_is_listed_and_not_counted() -> None:
    found = estimate(
        previewed(
            AWS,
            step("aws:rds/instance:Instance", "big", {"instanceClass": "db.x9.huge", "allocatedStorage": 10}),
            step("aws:msk/cluster:Cluster", "kafka", {}),
            step("aws:iam/role:Role", "role", {}),
        )
    )
    # 10 × 0.115 = 1.15, the storage alone.
    assert found.total == Decimal("1.15")
    assert [(each.resource.name, each.why) for each in found.unpriced] == [
        ("big", "the price table has no price of rds/db.x9.huge"),
        ("kafka", "the price table does not know this type of resource"),
    ]


def test_a_size_that_a_preview_does_not_know_is_listed_and_not_counted() -> None:
    nodes = {"instanceTypes": [UNKNOWN], "scalingConfig": {"desiredSize": UNKNOWN}}
    found = estimate(previewed(AWS, step("aws:eks/nodeGroup:NodeGroup", "servers", nodes)))
    assert found.total == 0
    assert [each.why for each in found.unpriced] == ["scalingConfig.desiredSize is not known yet"]


def test_prices_of_another_region_are_said_to_be() -> None:
    found = estimate(
        previewed(provider("aws", "eu-central-1"), step("aws:eks/cluster:Cluster", "cluster", {}))
    )
    assert found.total == Decimal("73.00")
    assert found.priced_elsewhere == ("us-east-1",)


def test_what_is_deleted_costs_nothing() -> None:
    gone = step("aws:eks/cluster:Cluster", "cluster", {}, op="delete")
    assert estimate(previewed(AWS, gone)).empty


@pytest.mark.parametrize("package", ["aws", "gcp"])
def test_every_item_that_is_billed_and_known_has_a_source_with_a_date(package: str) -> None:
    from infra.cloud import costs

    (cloud,) = (each for each in costs() if each.package == package)
    assert len(cloud.table.prices) > 20
    for price in cloud.table.prices:
        assert price.amount > 0
        assert price.region
        assert price.source.url.startswith("https://")
        assert price.source.dated is None or price.source.dated <= price.source.read
    names = [(price.item, price.region) for price in cloud.table.prices]
    assert len(names) == len(set(names))
