"""Says what Google Cloud bills for the resources that the program makes. It imports and calls nothing of
it."""

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from providers.costs import Charge, CloudCosts, NotKnownError, PriceTable, Resource, Stack, gibibytes, number

_ONE = Decimal(1)
_NODE_DISK = 100
"""GiB of a node's disk when the node pool does not say."""
_ZONES = 3
"""Zones that a regional node pool spreads over when it does not say."""
_NAT_MACHINES = 32
"""Cloud NAT bills no further machine."""
_POOL = "gcp:container/nodePool:NodePool"
_SPOT = "spot: at most this, its price on demand"


def _nodes(resource: Resource, stack: Stack) -> Sequence[Charge]:
    count = _node_count(resource, stack)
    kind = str(resource.get("nodeConfig.machineType", "e2-medium"))
    size = number(resource.get("nodeConfig.diskSizeGb", _NODE_DISK))
    disk = str(resource.get("nodeConfig.diskType", "pd-balanced"))
    note = _SPOT if resource.get("nodeConfig.spot", False) else ""
    most = resource.get("autoscaling.totalMaxNodeCount")
    more = Decimal(0) if most is None else number(most) - count
    return (
        Charge(f"{count:g} × {kind}", f"machine/{kind}", count, note),
        *((Charge(f"up to {more:g} more × {kind}", f"machine/{kind}", None, note),) if more > 0 else ()),
        Charge(f"{count:g} × {size:g} GiB {disk}", f"disk/{disk}", count * size),
    )


def _node_count(pool: Resource, stack: Stack) -> Decimal:
    """Returns the least number of nodes of the pool. The pool's numbers are per zone, unless they are
    totals."""
    total = pool.get("autoscaling.totalMinNodeCount")
    if total is not None:
        return number(total)
    each = pool.get("nodeCount", pool.get("autoscaling.minNodeCount", pool.get("initialNodeCount")))
    if each is None:
        raise NotKnownError("nodeCount is not set")
    return number(each) * _zones(pool, stack)


def _zones(pool: Resource, stack: Stack) -> int:
    if zones := pool.get("nodeLocations"):
        return len(zones)
    clusters = [each for each in stack if each.type == "gcp:container/cluster:Cluster"]
    for cluster in clusters:
        if zones := cluster.get("nodeLocations"):
            return len(zones)
    places = [str(each.get("location", "")) for each in (pool, *clusters)]
    return 1 if any(re.fullmatch(r"[a-z]+-[a-z]+\d+-[a-z]", place) for place in places) else _ZONES


def _cluster(resource: Resource, stack: Stack) -> Sequence[Charge]:
    fee = Charge("control plane", "gke/cluster", _ONE)
    if resource.get("enableAutopilot", False):
        return (fee, Charge("pods of Autopilot", "gke/autopilot", _ONE))
    return (fee,)


def _nat(resource: Resource, stack: Stack) -> Sequence[Charge]:
    machines = sum((_node_count(each, stack) for each in stack if each.type == _POOL), Decimal(0))
    return (
        Charge(f"Cloud NAT for {machines:g} machines", "nat/vm", min(machines, Decimal(_NAT_MACHINES))),
        Charge("data through Cloud NAT", "nat/data", None),
    )


def _database(resource: Resource, stack: Stack) -> Sequence[Charge]:
    tier = str(resource.need("settings.tier"))
    copies = Decimal(2 if resource.get("settings.availabilityType") == "REGIONAL" else 1)
    stopped = resource.get("settings.activationPolicy") == "NEVER"
    size = number(resource.get("settings.diskSize", 10))
    disk = str(resource.get("settings.diskType", "PD_SSD")).removeprefix("PD_").lower()
    edition = str(resource.get("settings.edition", "ENTERPRISE"))
    custom = re.fullmatch(r"db-custom-(\d+)-(\d+)", tier)
    compute: tuple[Charge, ...]
    if stopped:
        compute = ()
    elif custom and edition == "ENTERPRISE":
        processors, memory = Decimal(custom[1]), Decimal(custom[2]) / 1024
        compute = (
            Charge(f"{copies} × {processors} vCPU", "sql/vcpu", copies * processors),
            Charge(f"{copies} × {memory:g} GiB of memory", "sql/memory-gib", copies * memory),
        )
    else:
        compute = (Charge(f"{copies} × {tier}, {edition}", f"sql/{edition.lower()}/{tier}", copies),)
    return (
        *compute,
        Charge(f"{copies} × {size:g} GiB {disk}", f"sql/{disk}", copies * size),
        Charge("backups", "sql/backup", None),
    )


def _address(resource: Resource, stack: Stack) -> Sequence[Charge]:
    if resource.get("addressType", "EXTERNAL") != "EXTERNAL" or resource.get("purpose") == "VPC_PEERING":
        return ()
    return (Charge("external address", "address/in-use", _ONE),)


def _claim(resource: Resource, stack: Stack) -> Sequence[Charge]:
    size = gibibytes(str(resource.need("spec.resources.requests.storage")))
    return (Charge(f"{size:g} GiB pd-balanced", "disk/pd-balanced", size),)


def _service(resource: Resource, stack: Stack) -> Sequence[Charge]:
    if resource.get("spec.type", "ClusterIP") != "LoadBalancer":
        return ()
    return (Charge("load balancer", "forwarding-rule", _ONE),)


def _each(what: str, item: str, quantity: Decimal | None = _ONE, note: str = "") -> Sequence[Charge]:
    return (Charge(what, item, quantity, note),)


def region_of(stack: Stack) -> str:
    """Returns the region of the stack's provider. Raises NotKnownError if no resource says it."""
    for resource in stack:
        if resource.type == "pulumi:providers:gcp" and (region := resource.get("region")):
            return str(region)
    raise NotKnownError("no provider of the stack says its region")


COSTS = CloudCosts(
    package="gcp",
    table=PriceTable(Path(__file__).with_name("prices.yaml")),
    rules={
        "gcp:artifactregistry/repository:Repository": lambda r, s: _each(
            "images kept", "registry/storage", None
        ),
        "gcp:compute/address:Address": _address,
        "gcp:compute/globalAddress:GlobalAddress": _address,
        "gcp:compute/routerNat:RouterNat": _nat,
        "gcp:container/cluster:Cluster": _cluster,
        _POOL: _nodes,
        "gcp:dns/managedZone:ManagedZone": lambda r, s: _each("zone", "dns/zone"),
        "gcp:kms/cryptoKey:CryptoKey": lambda r, s: _each(
            "key version", "kms/key-version", note="one more after each rotation"
        ),
        "gcp:secretmanager/secretVersion:SecretVersion": lambda r, s: _each("secret", "secrets/version"),
        "gcp:secretmanager/regionalSecretVersion:RegionalSecretVersion": lambda r, s: _each(
            "secret", "secrets/version"
        ),
        "gcp:sql/databaseInstance:DatabaseInstance": _database,
        "gcp:storage/bucket:Bucket": lambda r, s: _each("objects kept", "storage/standard", None),
        "kubernetes:core/v1:PersistentVolumeClaim": _claim,
        "kubernetes:core/v1:Service": _service,
    },
    free=(
        "gcp:artifactregistry/repositoryIam",
        "gcp:compute/firewall:",
        "gcp:compute/network:",
        "gcp:compute/router:",
        "gcp:compute/subnetwork:",
        "gcp:dns/recordSet:",
        "gcp:kms/cryptoKeyIAM",
        "gcp:kms/keyRing",
        "gcp:projects/",
        "gcp:secretmanager/regionalSecret:",
        "gcp:secretmanager/regionalSecretIam",
        "gcp:secretmanager/secret:",
        "gcp:secretmanager/secretIam",
        "gcp:serviceaccount/",
        "gcp:servicenetworking/",
        "gcp:sql/database:",
        "gcp:sql/sslCert:",
        "gcp:sql/user:",
        "gcp:storage/bucketIAM",
    ),
    region=region_of,
    cannot_stop={
        "gcp:container/cluster:Cluster": "a control plane has no off; make down ends it",
    },
)
