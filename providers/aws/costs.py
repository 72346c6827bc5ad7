"""Says what AWS bills for the resources that the program makes. It imports and calls nothing of AWS."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from providers.costs import Charge, CloudCosts, NotKnownError, PriceTable, Resource, Stack, gibibytes, number

_ONE = Decimal(1)
_NODE_DISK = 20
"""GiB of a node's disk when neither the node group nor its launch template says."""
_SPOT = "spot: at most this, its price on demand"


def _nodes(resource: Resource, stack: Stack) -> Sequence[Charge]:
    count = number(resource.need("scalingConfig.desiredSize"))
    kind = str(resource.need("instanceTypes")[0])
    note = _SPOT if resource.get("capacityType") == "SPOT" else ""
    more = number(resource.get("scalingConfig.maxSize", count)) - count
    disk = _node_disk(resource, stack)
    return (
        Charge(f"{count:g} × {kind}", f"ec2/{kind}", count, note),
        *((Charge(f"up to {more:g} more × {kind}", f"ec2/{kind}", None, note),) if count and more else ()),
        Charge(f"{count:g} × {disk:g} GiB gp3", "ebs/gp3", count * disk)
        if disk is not None
        else Charge("disks of the nodes, whose launch template is not in the stack", "ebs/of-nodes", _ONE),
    )


def _node_disk(group: Resource, stack: Stack) -> Decimal | None:
    if group.get("diskSize") is not None:
        return number(group.get("diskSize"))
    if "launchTemplate" not in group.properties:
        return Decimal(_NODE_DISK)
    templates = [each for each in stack if each.type == "aws:ec2/launchTemplate:LaunchTemplate"]
    own = [each for each in templates if each.name == group.name] or templates
    sizes = {each.get("blockDeviceMappings.ebs.volumeSize", _NODE_DISK) for each in own}
    return number(sizes.pop()) if len(sizes) == 1 else None


def _nat_gateway(resource: Resource, stack: Stack) -> Sequence[Charge]:
    return (
        Charge("NAT gateway", "nat/gateway", _ONE),
        Charge("data through the NAT gateway", "nat/data", None),
    )


def _endpoint(resource: Resource, stack: Stack) -> Sequence[Charge]:
    if resource.get("vpcEndpointType", "Gateway") == "Gateway":
        return ()
    zones = Decimal(len(resource.need("subnetIds")))
    return (
        Charge(f"endpoint in {zones} zones", "endpoint/interface", zones),
        Charge("data through the endpoint", "endpoint/data", None),
    )


def _database(resource: Resource, stack: Stack) -> Sequence[Charge]:
    kind = str(resource.need("instanceClass"))
    copies = Decimal(2 if resource.get("multiAz", False) else 1)
    size = number(resource.need("allocatedStorage"))
    storage = str(resource.get("storageType", "gp2"))
    stopped = any(
        each.type == "aws:rds/instanceDesiredState:InstanceDesiredState"
        and each.get("state") == "stopped"
        and each.get("identifier") == resource.get("identifier")
        for each in stack
    )
    return (
        *(() if stopped else (Charge(f"{copies} × {kind}", f"rds/{kind}", copies),)),
        Charge(f"{copies} × {size:g} GiB {storage}", f"rds/{storage}", copies * size),
        Charge("backups beyond the database's own size", "rds/backup", None),
    )


def _volume(resource: Resource, stack: Stack) -> Sequence[Charge]:
    kind, size = str(resource.get("type", "gp2")), number(resource.need("size"))
    return (Charge(f"{size:g} GiB {kind}", f"ebs/{kind}", size),)


def _claim(resource: Resource, stack: Stack) -> Sequence[Charge]:
    size = gibibytes(str(resource.need("spec.resources.requests.storage")))
    return (Charge(f"{size:g} GiB gp3", "ebs/gp3", size),)


def _service(resource: Resource, stack: Stack) -> Sequence[Charge]:
    if resource.get("spec.type", "ClusterIP") != "LoadBalancer":
        return ()
    return (Charge("network load balancer", "load-balancer/network", _ONE),)


def _load_balancer(resource: Resource, stack: Stack) -> Sequence[Charge]:
    kind = str(resource.get("loadBalancerType", "application"))
    return (Charge(f"{kind} load balancer", f"load-balancer/{kind}", _ONE),)


def _log_group(resource: Resource, stack: Stack) -> Sequence[Charge]:
    return (
        Charge("logs written", "logs/ingested", None),
        Charge("logs kept", "logs/stored", None),
    )


def _each(what: str, item: str, quantity: Decimal | None = _ONE) -> Sequence[Charge]:
    return (Charge(what, item, quantity),)


def region_of(stack: Stack) -> str:
    """Returns the region of the stack's provider. Raises NotKnownError if no resource says it."""
    for resource in stack:
        if resource.type == "pulumi:providers:aws" and (region := resource.get("region")):
            return str(region)
    raise NotKnownError("no provider of the stack says its region")


COSTS = CloudCosts(
    package="aws",
    table=PriceTable(Path(__file__).with_name("prices.yaml")),
    rules={
        "aws:cloudwatch/logGroup:LogGroup": _log_group,
        "aws:ebs/volume:Volume": _volume,
        "aws:ec2/eip:Eip": lambda r, s: _each("public IPv4 address", "address/public-ipv4"),
        "aws:ec2/natGateway:NatGateway": _nat_gateway,
        "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
        "aws:ecr/repository:Repository": lambda r, s: _each("images kept", "ecr/storage", None),
        "aws:eks/cluster:Cluster": lambda r, s: _each("control plane", "eks/cluster"),
        "aws:eks/nodeGroup:NodeGroup": _nodes,
        "aws:kms/key:Key": lambda r, s: _each("key", "kms/key"),
        "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
        "aws:rds/instance:Instance": _database,
        "aws:s3/bucket:Bucket": lambda r, s: _each("objects kept", "s3/standard", None),
        "aws:s3/bucketV2:BucketV2": lambda r, s: _each("objects kept", "s3/standard", None),
        "aws:secretsmanager/secret:Secret": lambda r, s: _each("secret", "secrets/secret"),
        "kubernetes:core/v1:PersistentVolumeClaim": _claim,
        "kubernetes:core/v1:Service": _service,
    },
    free=(
        "aws:ec2/default",
        "aws:ec2/flowLog:",
        "aws:ec2/internetGateway:",
        "aws:ec2/launchTemplate:",
        "aws:ec2/networkAcl",
        "aws:ec2/route:",
        "aws:ec2/routeTable",
        "aws:ec2/securityGroup",
        "aws:ec2/subnet:",
        "aws:ec2/vpc:",
        "aws:ec2/vpcEndpointRouteTableAssociation:",
        "aws:ecr/lifecyclePolicy:",
        "aws:ecr/pullThroughCacheRule:",
        "aws:ecr/repositoryCreationTemplate:",
        "aws:ecr/repositoryPolicy:",
        "aws:eks/accessEntry:",
        "aws:eks/accessPolicyAssociation:",
        "aws:eks/addon:",
        "aws:eks/podIdentityAssociation:",
        "aws:iam/",
        "aws:kms/alias:",
        "aws:kms/keyPolicy:",
        "aws:rds/instanceDesiredState:",
        "aws:rds/parameterGroup:",
        "aws:rds/subnetGroup:",
        "aws:s3/bucketLifecycleConfiguration",
        "aws:s3/bucketOwnershipControls:",
        "aws:s3/bucketPolicy:",
        "aws:s3/bucketPublicAccessBlock:",
        "aws:s3/bucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning",
        "aws:secretsmanager/secretPolicy:",
        "aws:secretsmanager/secretVersion:",
        "aws:vpc/securityGroup",
    ),
    region=region_of,
    cannot_stop={
        "aws:rds/instance:Instance": (
            "its storage goes on; and AWS starts a stopped instance again after seven days: make up stops it"
        ),
        "aws:eks/cluster:Cluster": "a control plane has no off; make down ends it",
        "aws:ec2/natGateway:NatGateway": "a NAT gateway has no off; make down ends it",
        "aws:ec2/vpcEndpoint:VpcEndpoint": "an endpoint has no off; make down ends it",
    },
)
