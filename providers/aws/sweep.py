"""Finds what a stack on AWS left behind, by its tags."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from providers.aws.costs import COSTS
from providers.ownership import NEBULA, OWNER, PROJECT, STACK
from providers.sweep import Orphan, SweepError

_ONE = Decimal(1)
_NAMES_CLUSTER = ("elbv2.k8s.aws/cluster", "cluster.k8s.amazonaws.com/name", "eks:cluster-name")
"""Tags by which the cluster's controllers and nodes say whose their load balancers and interfaces are."""
_OWNED_BY_CLUSTER = "kubernetes.io/cluster/"
_OF_CLAIMS = ("ebs.csi.aws.com/cluster", "kubernetes.io/created-for/pv/name", "CSIVolumeName")
"""Tags of the disks of claims, and of their snapshots."""


@dataclass(frozen=True)
class Listed:
    """A resource as AWS lists it, with its tags."""

    id: str
    arn: str
    tags: Mapping[str, str]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class _Kind:
    """A kind of resource: how it is listed, what it costs and how it is deleted."""

    name: str
    found: Callable[["AwsSweeper"], Iterator[Listed]]
    item: Callable[[Listed], str]
    quantity: Callable[[Listed], Decimal | None]
    delete: Callable[["AwsSweeper", Orphan], object]


class AwsSweeper:
    """Sweeps the stack `stack` in `region` with the login of the SDK's environment, which must belong to
    `account` if the stack file names one."""

    def __init__(self, stack: str, region: str, account: str | None = None) -> None:
        self._stack, self._region, self._account = stack, region, account
        self._session = boto3.session.Session(region_name=region)

    @property
    def _cluster(self) -> str:
        """The name of the stack's cluster: a contract (providers/aws/scope.py)."""
        return f"nebula-{self._stack}"

    def client(self, service: str) -> Any:
        return self._session.client(service)

    def find(self, known: Collection[str]) -> Sequence[Orphan]:
        self._demand_account()
        with _answered("list what is left"):
            return [
                Orphan(
                    kind.name,
                    each.id,
                    each.arn,
                    COSTS.table.find(kind.item(each), self._region),
                    kind.quantity(each),
                    each.tags.get(OWNER, ""),
                )
                for kind in _KINDS
                for each in kind.found(self)
                if self._is_of_the_stack(each.tags) and not self._is_kept(each, known)
            ]

    def _demand_account(self) -> None:
        if self._account is None:
            return
        with _answered("say of which account the login is"):
            actual = self.client("sts").get_caller_identity()["Account"]
        if actual != self._account:
            raise SweepError(
                f"The login is of account {actual}, and the stack file names {self._account} "
                "(nebula:platform.aws.account_id). Nothing was looked at: log in to the stack's account."
            )

    def stands_elsewhere(self, known: Collection[str]) -> str | None:
        if self._cluster in known:
            return None
        client = self.client("eks")
        with _answered("say whether the stack's cluster stands"):
            try:
                client.describe_cluster(name=self._cluster)
            except client.exceptions.ResourceNotFoundException:
                return None
        return f"the EKS cluster {self._cluster}"

    def delete(self, orphan: Orphan) -> None:
        (kind,) = (each for each in _KINDS if each.name == orphan.kind)
        with _answered(f"delete {orphan.kind} {orphan.id}"):
            kind.delete(self, orphan)

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        for page in self.client(service).get_paginator(operation).paginate(**arguments):
            yield from page[key]

    def _is_of_the_stack(self, tags: Mapping[str, str]) -> bool:
        """By the tags of the program, or by those that the stack's cluster gives what it makes."""
        of_program = tags.get(PROJECT) == NEBULA and tags.get(STACK) == self._stack
        return of_program or self._names_cluster(tags)

    def _names_cluster(self, tags: Mapping[str, str]) -> bool:
        named = any(tags.get(key) == self._cluster for key in _NAMES_CLUSTER)
        return named or f"{_OWNED_BY_CLUSTER}{self._cluster}" in tags

    def _is_kept(self, found: Listed, known: Collection[str]) -> bool:
        """What the state has; and while it has the cluster, what that made and what its nodes use: claims'
        disks are in use only while their pods run."""
        if found.id in known or (found.arn and found.arn in known):
            return True
        made = self._names_cluster(found.tags) or any(key in found.tags for key in _OF_CLAIMS)
        return self._cluster in known and (made or _in_use(found))

    def empty(self, bucket: str) -> None:
        """Delete every version of every object: a bucket that holds one stays."""
        s3 = self.client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            listed = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in listed]
            if objects:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


@contextmanager
def _answered(what: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise SweepError(f"AWS did not {what}: {error}") from error


def _in_use(found: Listed) -> bool:
    details = found.details
    return "in-use" in (details.get("State"), details.get("Status")) or "AssociationId" in details


def _tags(listed: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    return {tag["Key"]: tag["Value"] for tag in listed}


def _ec2(operation: str, key: str, id_key: str, **arguments: Any) -> Callable[[AwsSweeper], Iterator[Listed]]:
    """Lists resources of EC2, which has tags under `Tags` or `TagSet` and returns no ARN."""

    def found(sweeper: AwsSweeper) -> Iterator[Listed]:
        for each in sweeper.pages("ec2", operation, key, **arguments):
            yield Listed(each[id_key], "", _tags(each.get("Tags") or each.get("TagSet") or []), each)

    return found


def _addresses(sweeper: AwsSweeper) -> Iterator[Listed]:
    for each in sweeper.client("ec2").describe_addresses()["Addresses"]:
        yield Listed(each["AllocationId"], "", _tags(each.get("Tags", [])), each)


def _load_balancers(sweeper: AwsSweeper) -> Iterator[Listed]:
    client = sweeper.client("elbv2")
    listed = {each["LoadBalancerArn"]: each for each in sweeper.pages(
        "elbv2", "describe_load_balancers", "LoadBalancers"
    )}  # fmt: skip
    arns = list(listed)
    for start in range(0, len(arns), 20):  # that many are described at once
        described = client.describe_tags(ResourceArns=arns[start : start + 20])["TagDescriptions"]
        for each in described:
            arn = each["ResourceArn"]
            yield Listed(listed[arn]["LoadBalancerName"], arn, _tags(each["Tags"]), listed[arn])


def _log_groups(sweeper: AwsSweeper) -> Iterator[Listed]:
    client = sweeper.client("logs")
    for each in sweeper.pages("logs", "describe_log_groups", "logGroups"):
        arn = each["arn"].removesuffix(":*")
        yield Listed(each["logGroupName"], arn, client.list_tags_for_resource(resourceArn=arn)["tags"], each)


def _buckets(sweeper: AwsSweeper) -> Iterator[Listed]:
    client = sweeper.client("s3")
    for each in client.list_buckets()["Buckets"]:
        name = each["Name"]
        try:
            tags = client.get_bucket_tagging(Bucket=name)["TagSet"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchTagSet":
                raise
            tags = []
        yield Listed(name, f"arn:aws:s3:::{name}", _tags(tags), each)


def _database_snapshots(sweeper: AwsSweeper) -> Iterator[Listed]:
    for each in sweeper.pages("rds", "describe_db_snapshots", "DBSnapshots", SnapshotType="manual"):
        arn = each["DBSnapshotArn"]
        yield Listed(each["DBSnapshotIdentifier"], arn, _tags(each.get("TagList", [])), each)


def _size(key: str) -> Callable[[Listed], Decimal | None]:
    return lambda found: Decimal(str(found.details[key]))


def _hourly(found: Listed) -> Decimal | None:
    return _ONE


def _by_use(found: Listed) -> Decimal | None:
    return None


def _stored(found: Listed) -> Decimal | None:
    return Decimal(found.details.get("storedBytes", 0)) / 2**30


def _free(found: Listed) -> Decimal | None:
    return Decimal(0)


def _delete_bucket(sweeper: AwsSweeper, orphan: Orphan) -> None:
    sweeper.empty(orphan.id)
    sweeper.client("s3").delete_bucket(Bucket=orphan.id)


# In the order in which they can go: what stands on another comes first.
_KINDS: tuple[_Kind, ...] = (
    _Kind(
        "load balancer",
        _load_balancers,
        lambda found: f"load-balancer/{found.details['Type']}",
        _hourly,
        lambda sweeper, orphan: sweeper.client("elbv2").delete_load_balancer(LoadBalancerArn=orphan.arn),
    ),
    _Kind(
        "volume",
        _ec2("describe_volumes", "Volumes", "VolumeId"),
        lambda found: f"ebs/{found.details['VolumeType']}",
        _size("Size"),
        lambda sweeper, orphan: sweeper.client("ec2").delete_volume(VolumeId=orphan.id),
    ),
    _Kind(
        "snapshot",
        _ec2("describe_snapshots", "Snapshots", "SnapshotId", OwnerIds=["self"]),
        lambda found: "ebs/snapshot",
        _size("VolumeSize"),
        lambda sweeper, orphan: sweeper.client("ec2").delete_snapshot(SnapshotId=orphan.id),
    ),
    _Kind(
        "database snapshot",
        _database_snapshots,
        lambda found: "rds/backup",
        _size("AllocatedStorage"),
        lambda sweeper, orphan: sweeper.client("rds").delete_db_snapshot(DBSnapshotIdentifier=orphan.id),
    ),
    _Kind(
        "network interface",
        _ec2("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
        lambda found: "network-interface",
        _free,
        lambda sweeper, orphan: sweeper.client("ec2").delete_network_interface(NetworkInterfaceId=orphan.id),
    ),
    _Kind(
        "address",
        _addresses,
        lambda found: "address/public-ipv4",
        _hourly,
        lambda sweeper, orphan: sweeper.client("ec2").release_address(AllocationId=orphan.id),
    ),
    _Kind(
        "log group",
        _log_groups,
        lambda found: "logs/stored",
        _stored,
        lambda sweeper, orphan: sweeper.client("logs").delete_log_group(logGroupName=orphan.id),
    ),
    _Kind("bucket", _buckets, lambda found: "s3/standard", _by_use, _delete_bucket),
)
