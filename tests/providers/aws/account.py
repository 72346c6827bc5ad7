"""An account of AWS that a moto server stands in for, and what a stack may leave in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

REGION = "us-east-1"
STACK = "dev"
TAGS = {"project": "nebula", "stack": STACK, "component": "test"}


@dataclass
class Account:
    """An account of the server. `of` makes one of each kind for a stack, and names what it made."""

    url: str

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=REGION)

    def of(self, stack: str, mark: str = "") -> dict[str, str]:
        """One of each kind that the sweeper knows, tagged as the program tags: id by kind."""
        tags = {**TAGS, "stack": stack}
        ec2, given = self.client("ec2"), listed(tags)

        def specification(kind: str) -> list[Mapping[str, Any]]:
            return [{"ResourceType": kind, "Tags": given}]

        subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]][:2]
        volume = ec2.create_volume(
            AvailabilityZone=f"{REGION}a",
            Size=20,
            VolumeType="gp3",
            TagSpecifications=specification("volume"),
        )["VolumeId"]
        snapshot = ec2.create_snapshot(VolumeId=volume, TagSpecifications=specification("snapshot"))
        interface = ec2.create_network_interface(
            SubnetId=subnets[0], TagSpecifications=specification("network-interface")
        )
        address = ec2.allocate_address(Domain="vpc", TagSpecifications=specification("elastic-ip"))
        balancer = self.client("elbv2").create_load_balancer(
            Name=f"lb-{stack}{mark}", Subnets=subnets, Type="network", Tags=given
        )["LoadBalancers"][0]
        group, bucket = f"/nebula/{stack}{mark}", f"nebula-{stack}{mark}-bronze"
        self.client("logs").create_log_group(logGroupName=group, tags=tags)
        self.bucket(bucket, tags)
        database = f"db-{stack}{mark}"
        rds = self.client("rds")
        rds.create_db_instance(
            DBInstanceIdentifier=database,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
        )
        rds.create_db_snapshot(
            DBInstanceIdentifier=database, DBSnapshotIdentifier=f"{database}-final", Tags=given
        )
        return {
            "load balancer": balancer["LoadBalancerName"],
            "volume": volume,
            "snapshot": snapshot["SnapshotId"],
            "database snapshot": f"{database}-final",
            "network interface": interface["NetworkInterface"]["NetworkInterfaceId"],
            "address": address["AllocationId"],
            "log group": group,
            "bucket": bucket,
        }

    def bucket(self, name: str, tags: Mapping[str, str]) -> None:
        """A versioned bucket with two versions of one object, and one deleted."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name)
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": listed(tags)})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"one", b"two"):
            s3.put_object(Bucket=name, Key="kept", Body=body)
        s3.put_object(Bucket=name, Key="gone", Body=b"x")
        s3.delete_object(Bucket=name, Key="gone")


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
