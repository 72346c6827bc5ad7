"""Has the nodes, the database and the network of each size of the platform."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.sizing import Size


@dataclass(frozen=True)
class Machine:
    """A machine type, its cores and its memory (GiB)."""

    type: str
    cores: int
    memory: int


@dataclass(frozen=True, kw_only=True)
class NodePoolSize:
    """A pool of between `minimum` and `maximum` nodes over all zones, with boot disks of `disk` GiB."""

    machine: Machine
    minimum: int
    maximum: int
    disk: int = 80
    spot: bool = False


@dataclass(frozen=True, kw_only=True)
class DatabaseSize:
    """The size of a database. `storage` is what it starts with, `storage_limit` what it may grow to, in
    GiB. A `regional` database has a standby in another zone. One backup a day is made, and the last
    `backups` are kept; any moment of the last `log_days` (at most 7) can be restored."""

    tier: str
    storage: int
    storage_limit: int
    regional: bool
    backups: int
    log_days: int


@dataclass(frozen=True, kw_only=True)
class GcpSize:
    """What a size means on Google Cloud. `servers` are on-demand nodes for state; spot nodes among
    `workers` may go at half a minute's notice. Without `nat`, nodes reach only Google's services.
    `flow_samples` is the fraction of connections that is logged."""

    nat: bool
    flow_samples: float
    servers: NodePoolSize
    workers: NodePoolSize | None
    database: DatabaseSize


_E2_4 = Machine("e2-standard-4", cores=4, memory=16)
_E2_8 = Machine("e2-standard-8", cores=8, memory=32)
_N2_16 = Machine("n2-standard-16", cores=16, memory=64)
_N2_16_HIGH = Machine("n2-highmem-16", cores=16, memory=128)

GCP_SIZES: Mapping[Size, GcpSize] = {
    "laptop": GcpSize(
        nat=False,
        flow_samples=0,
        servers=NodePoolSize(machine=_E2_4, minimum=1, maximum=3),
        workers=None,
        database=DatabaseSize(
            tier="db-custom-1-3840", storage=10, storage_limit=50, regional=False, backups=3, log_days=1
        ),
    ),
    "small": GcpSize(
        nat=True,
        flow_samples=0.1,
        servers=NodePoolSize(machine=_E2_8, minimum=1, maximum=4),
        workers=NodePoolSize(machine=_E2_8, minimum=0, maximum=4, spot=True),
        database=DatabaseSize(
            tier="db-custom-2-7680", storage=50, storage_limit=200, regional=False, backups=7, log_days=3
        ),
    ),
    "production": GcpSize(
        nat=True,
        flow_samples=0.5,
        servers=NodePoolSize(machine=_N2_16, minimum=3, maximum=6, disk=150),
        workers=NodePoolSize(machine=_N2_16_HIGH, minimum=0, maximum=8, disk=200, spot=True),
        database=DatabaseSize(
            tier="db-custom-4-15360", storage=200, storage_limit=1000, regional=True, backups=30, log_days=7
        ),
    ),
}
