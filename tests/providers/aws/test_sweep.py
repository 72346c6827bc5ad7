"""What a stack on AWS left behind, against a moto server in a process of its own: it answers the API that
boto3 speaks, and holds what it is given. It is no AWS: eventual consistency and permissions are not shown."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import boto3
import pytest
import requests
from rich.console import Console

from infra.sweep import known, sweep
from providers.aws.sweep import AwsSweeper
from providers.sweep import SweepError

REGION = "us-east-1"
STACK = "dev"
_TAGS = {"project": "nebula", "stack": STACK, "component": "test"}


@dataclass
class Account:
    """An account of the server. `of` makes one of each kind for a stack, and names what it made."""

    url: str

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=REGION)

    def of(self, stack: str, mark: str = "") -> dict[str, str]:
        """One of each kind that the sweeper knows, tagged as the program tags: id by kind."""
        tags = {**_TAGS, "stack": stack}
        ec2, listed = self.client("ec2"), _listed(tags)

        def specification(kind: str) -> list[Mapping[str, Any]]:
            return [{"ResourceType": kind, "Tags": listed}]

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
            Name=f"lb-{stack}{mark}", Subnets=subnets, Type="network", Tags=listed
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
            DBInstanceIdentifier=database, DBSnapshotIdentifier=f"{database}-final", Tags=listed
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
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": _listed(tags)})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"one", b"two"):
            s3.put_object(Bucket=name, Key="kept", Body=body)
        s3.put_object(Bucket=name, Key="gone", Body=b"x")
        s3.delete_object(Bucket=name, Key="gone")


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                requests.get(f"{url}/moto-api/", timeout=5)
                break
            except requests.ConnectionError:
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def account(server: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An empty account."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    requests.post(f"{server}/moto-api/reset", timeout=30).raise_for_status()
    return Account(server)


def found(state: frozenset[str] = frozenset()) -> dict[str, set[str]]:
    every: dict[str, set[str]] = {}
    for orphan in AwsSweeper(STACK, REGION).find(state):
        every.setdefault(orphan.kind, set()).add(orphan.id)
    return every


def test_what_carries_the_stack_s_tags_is_found_and_nothing_else(account: Account) -> None:
    orphans = account.of(STACK)
    account.of("other")
    account.client("s3").create_bucket(Bucket="somebody-elses")
    account.client("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=5)
    assert found() == {kind: {name} for kind, name in orphans.items()}


def test_another_project_s_stack_of_that_name_is_not_this_one(account: Account) -> None:
    account.bucket("theirs", {"project": "theirs", "stack": STACK})
    assert found() == {}


def test_what_is_in_the_state_is_neither_listed_nor_deleted(account: Account) -> None:
    live, orphans = account.of(STACK), account.of(STACK, "-old")
    arn = account.client("elbv2").describe_load_balancers(Names=[live["load balancer"]])["LoadBalancers"][0]
    state = known(
        {
            "resources": [
                {"type": "aws:lb/loadBalancer:LoadBalancer", "id": arn["LoadBalancerArn"]},
                *({"type": "aws:x/y:Z", "id": name} for name in live.values()),
            ]
        }
    )
    assert found(state) == {kind: {name} for kind, name in orphans.items()}
    assert sweep(AwsSweeper(STACK, REGION), state, delete=True, console=Console(quiet=True)) == 0
    assert found() == {kind: {name} for kind, name in live.items()}
    versions = account.client("s3").list_object_versions(Bucket=live["bucket"])
    assert len(versions["Versions"]) == 3


def test_without_delete_nothing_is_deleted(account: Account) -> None:
    orphans = account.of(STACK)
    assert sweep(AwsSweeper(STACK, REGION), frozenset(), delete=False, console=Console(quiet=True)) == 0
    assert found() == {kind: {name} for kind, name in orphans.items()}


def test_delete_leaves_nothing_of_the_stack_and_all_of_others(account: Account) -> None:
    account.of(STACK)
    others = account.of("other")
    assert sweep(AwsSweeper(STACK, REGION), frozenset(), delete=True, console=Console(quiet=True)) == 0
    assert found() == {}
    kept = AwsSweeper("other", REGION).find(())
    assert {orphan.kind: orphan.id for orphan in kept} == others


def test_each_says_what_it_costs(account: Account) -> None:
    account.of(STACK)
    costs = {orphan.kind: orphan.monthly for orphan in AwsSweeper(STACK, REGION).find(())}
    assert costs == {
        # 730 × 0.0225
        "load balancer": Decimal("16.425"),
        # 20 GiB × 0.08
        "volume": Decimal("1.60"),
        # at most: 20 GiB × 0.05
        "snapshot": Decimal("1.00"),
        # at most: 20 GiB × 0.095
        "database snapshot": Decimal("1.90"),
        "network interface": Decimal(0),
        # 730 × 0.005
        "address": Decimal("3.65"),
        "log group": Decimal(0),
        # by what is in it
        "bucket": None,
    }


def claim_volume(account: Account, cluster: str) -> str:
    """A disk as the cluster's storage driver makes it for a claim."""
    tags = {"ebs.csi.aws.com/cluster": "true", f"kubernetes.io/cluster/{cluster}": "owned", **_TAGS}
    made = account.client("ec2").create_volume(
        AvailabilityZone=f"{REGION}a",
        Size=8,
        VolumeType="gp3",
        TagSpecifications=[{"ResourceType": "volume", "Tags": _listed(tags)}],
    )
    return str(made["VolumeId"])


def test_the_disks_of_claims_are_kept_while_the_state_has_the_cluster(account: Account) -> None:
    volume = claim_volume(account, "nebula-dev")
    assert found(frozenset({"nebula-dev"})) == {}
    assert found() == {"volume": {volume}}


def test_a_disk_that_only_the_cluster_tagged_is_found_after_it_is_gone(account: Account) -> None:
    made = account.client("ec2").create_volume(
        AvailabilityZone=f"{REGION}a",
        Size=8,
        TagSpecifications=[
            {
                "ResourceType": "volume",
                "Tags": _listed({"kubernetes.io/cluster/nebula-dev": "owned"}),
            }
        ],
    )
    assert found() == {"volume": {made["VolumeId"]}}


def test_nothing_is_deleted_while_the_stack_stands_and_its_state_is_elsewhere(account: Account) -> None:
    orphans = account.of(STACK)
    account.client("eks").create_cluster(
        name="nebula-dev", roleArn="arn:aws:iam::123456789012:role/x", resourcesVpcConfig={"subnetIds": ["s"]}
    )
    with pytest.raises(SweepError, match="EKS cluster nebula-dev stands"):
        sweep(AwsSweeper(STACK, REGION), frozenset(), delete=True, console=Console(quiet=True))
    assert found() == {kind: {name} for kind, name in orphans.items()}


def test_what_cannot_be_deleted_is_told_and_the_rest_goes(account: Account) -> None:
    orphans = account.of(STACK)
    ec2 = account.client("ec2")
    (image,) = ec2.describe_images(Owners=["amazon"])["Images"][:1]
    instance = ec2.run_instances(ImageId=image["ImageId"], MinCount=1, MaxCount=1)["Instances"][0]
    ec2.attach_volume(VolumeId=orphans["volume"], InstanceId=instance["InstanceId"], Device="/dev/xvdb")
    console = Console(record=True, quiet=True)
    assert sweep(AwsSweeper(STACK, REGION), frozenset(), delete=True, console=console) == 1
    assert found() == {"volume": {orphans["volume"]}}


def test_a_cloud_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SweepError, match="did not list what is left"):
        AwsSweeper(STACK, REGION).find(())
