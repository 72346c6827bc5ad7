"""Has the nodes, the database and the network of each size of the platform."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from components.sizing import Size

Nat = Literal["none", "one", "per-zone"]


@dataclass(frozen=True, kw_only=True)
class NodePoolSize:
    """A group of nodes. Its instance types are interchangeable: the more there are, the likelier spot
    capacity is."""

    instance_types: tuple[str, ...]
    minimum: int
    desired: int
    maximum: int
    disk: int = 80
    spot: bool = False


@dataclass(frozen=True, kw_only=True)
class DatabaseSize:
    """The size of a database. `storage` is what it starts with, `storage_limit` what it may grow to, in
    GiB."""

    instance_class: str
    storage: int
    storage_limit: int
    multi_az: bool
    backup_days: int


@dataclass(frozen=True, kw_only=True)
class AwsSize:
    """What a size means on AWS. `servers` are on-demand nodes for state; spot nodes among `workers` may
    go at two minutes' notice. `private_endpoints` keeps traffic to AWS's own services off the NAT
    gateways. Logs are kept for `log_days`."""

    nat: Nat
    private_endpoints: bool
    servers: NodePoolSize
    workers: NodePoolSize | None
    database: DatabaseSize
    log_days: int


AWS_SIZES: Mapping[Size, AwsSize] = {
    "laptop": AwsSize(
        nat="one",
        private_endpoints=False,
        servers=NodePoolSize(instance_types=("t3.xlarge",), minimum=2, desired=2, maximum=3),
        workers=None,
        database=DatabaseSize(
            instance_class="db.t4g.micro", storage=20, storage_limit=50, multi_az=False, backup_days=1
        ),
        log_days=7,
    ),
    "small": AwsSize(
        nat="one",
        private_endpoints=False,
        servers=NodePoolSize(instance_types=("m7i.xlarge",), minimum=2, desired=3, maximum=4),
        workers=NodePoolSize(
            instance_types=("m7i.2xlarge", "m7a.2xlarge", "m6i.2xlarge"),
            minimum=1,
            desired=2,
            maximum=4,
            spot=True,
        ),
        database=DatabaseSize(
            instance_class="db.t4g.medium", storage=50, storage_limit=200, multi_az=False, backup_days=7
        ),
        log_days=30,
    ),
    "production": AwsSize(
        nat="per-zone",
        private_endpoints=True,
        servers=NodePoolSize(instance_types=("m7i.4xlarge",), minimum=3, desired=3, maximum=6, disk=150),
        workers=NodePoolSize(
            instance_types=("r7i.4xlarge", "r7a.4xlarge", "r6i.4xlarge"),
            minimum=2,
            desired=4,
            maximum=10,
            disk=200,
            spot=True,
        ),
        database=DatabaseSize(
            instance_class="db.r7g.xlarge", storage=200, storage_limit=1000, multi_az=True, backup_days=30
        ),
        log_days=365,
    ),
}
