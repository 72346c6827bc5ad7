"""Creates the network: a VPC over the zones, with everything that runs in private subnets."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
from pulumi_aws import cloudwatch, ec2, vpc

from components.endpoints import NetworkEndpoint
from providers.aws.iam import RoleArgs, Statement, role
from providers.aws.scope import Scope
from providers.aws.sizing import Nat

_COMPONENT = "network"
_ANYWHERE = "0.0.0.0/0"
_INTERFACES = (
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "kms",
    "logs",
    "secretsmanager",
    "sts",
)
"""What nodes, add-ons and pods call; S3, where image layers are too, has a gateway."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """`zones` are letters (`a`). `cidr` is a /16 to a /20. With `nat` none nothing reaches the internet,
    and `private_endpoints` is how AWS's own services are reached."""

    scope: Scope
    cidr: str
    zones: tuple[str, ...]
    nat: Nat
    private_endpoints: bool


class Network(pulumi.ComponentResource):
    """A VPC that the internet cannot reach: its public subnets hold only NAT gateways."""

    endpoint: NetworkEndpoint
    vpc_id: pulumi.Output[str]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:aws:Network", name, {}, opts)
        self._name, self._args, self._scope = name, args, args.scope
        self._opts = args.scope.options(self)
        self._vpc = ec2.Vpc(
            name,
            cidr_block=args.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tags(name),
            opts=self._opts,
        )
        self.vpc_id = self._vpc.id
        self._close_default_group()
        blocks = _blocks(args.cidr, len(args.zones))
        private = [
            self._subnet(f"{name}-private-{zone}", zone, block)
            for zone, block in zip(args.zones, blocks.private, strict=True)
        ]
        tables = [self._route_table(f"{name}-private-{zone}") for zone in args.zones]
        routes: list[pulumi.Resource] = []
        for zone, subnet, table in zip(args.zones, private, tables, strict=True):
            self._associate(f"{name}-private-{zone}", subnet, table)
        if args.nat != "none":
            gateways = self._nat_gateways(blocks.public)
            for index, (zone, table) in enumerate(zip(args.zones, tables, strict=True)):
                gateway = gateways[min(index, len(gateways) - 1)]
                routes.append(self._default_route(f"{name}-private-{zone}", table, nat=gateway))
        reached = [self._s3(tables), *(self._interfaces(private) if self._needs_endpoints else [])]
        self._flow_log()
        # A node that starts before its way out exists never joins.
        self.endpoint = NetworkEndpoint(
            component=name,
            id=self._vpc.id,
            subnets=tuple(subnet.id for subnet in private),
            depends_on=(*routes, *reached),
        )
        self.register_outputs({"id": self._vpc.id})

    @property
    def _needs_endpoints(self) -> bool:
        return self._args.private_endpoints or self._args.nat == "none"

    def _tags(self, name: str) -> dict[str, str]:
        return dict(self._scope.tags.of(_COMPONENT, name=f"nebula-{self._scope.stack}-{name}"))

    def _close_default_group(self) -> None:
        """Removes every rule of the default security group, so that whatever is put into no other group
        reaches nothing."""
        ec2.DefaultSecurityGroup(
            self._name, vpc_id=self._vpc.id, tags=self._tags(f"{self._name}-default"), opts=self._opts
        )

    def _subnet(self, name: str, zone: str, block: str, *, public: bool = False) -> ec2.Subnet:
        use = "elb" if public else "internal-elb"
        return ec2.Subnet(
            name,
            vpc_id=self._vpc.id,
            availability_zone=f"{self._scope.region.name}{zone}",
            cidr_block=block,
            map_public_ip_on_launch=False,
            # How load balancers that the cluster makes find where to be.
            tags={**self._tags(name), f"kubernetes.io/role/{use}": "1"},
            opts=self._opts,
        )

    def _route_table(self, name: str) -> ec2.RouteTable:
        return ec2.RouteTable(name, vpc_id=self._vpc.id, tags=self._tags(name), opts=self._opts)

    def _associate(self, name: str, subnet: ec2.Subnet, table: ec2.RouteTable) -> pulumi.Resource:
        return ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table.id, opts=self._opts)

    def _default_route(
        self,
        name: str,
        table: ec2.RouteTable,
        *,
        nat: ec2.NatGateway | None = None,
        internet: ec2.InternetGateway | None = None,
    ) -> pulumi.Resource:
        return ec2.Route(
            name,
            route_table_id=table.id,
            destination_cidr_block=_ANYWHERE,
            nat_gateway_id=nat.id if nat else None,
            gateway_id=internet.id if internet else None,
            opts=self._opts,
        )

    def _nat_gateways(self, blocks: Sequence[str]) -> list[ec2.NatGateway]:
        name, zones = self._name, self._args.zones
        internet = ec2.InternetGateway(name, vpc_id=self._vpc.id, tags=self._tags(name), opts=self._opts)
        table = self._route_table(f"{name}-public")
        out = self._default_route(f"{name}-public", table, internet=internet)
        gateways = []
        for zone, block in zip(zones if self._args.nat == "per-zone" else zones[:1], blocks, strict=False):
            public = f"{name}-public-{zone}"
            subnet = self._subnet(public, zone, block, public=True)
            associated = self._associate(public, subnet, table)
            address = ec2.Eip(public, domain="vpc", tags=self._tags(public), opts=self._opts)
            gateways.append(
                ec2.NatGateway(
                    public,
                    subnet_id=subnet.id,
                    allocation_id=address.id,
                    tags=self._tags(public),
                    opts=self._scope.options(self, [out, associated]),
                )
            )
        return gateways

    def _s3(self, tables: Sequence[ec2.RouteTable]) -> pulumi.Resource:
        """Creates the gateway endpoint of S3, which is free of charge and therefore always there."""
        name = f"{self._name}-s3"
        return ec2.VpcEndpoint(
            name,
            vpc_id=self._vpc.id,
            service_name=self._scope.region.endpoint_service("s3"),
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags=self._tags(name),
            opts=self._opts,
        )

    def _interfaces(self, subnets: Sequence[ec2.Subnet]) -> list[pulumi.Resource]:
        name = f"{self._name}-endpoints"
        group = ec2.SecurityGroup(
            name,
            vpc_id=self._vpc.id,
            description="Interface endpoints of AWS services, for what is in this network",
            tags=self._tags(name),
            opts=self._opts,
        )
        admitted = vpc.SecurityGroupIngressRule(
            name,
            security_group_id=group.id,
            description="HTTPS from this network",
            cidr_ipv4=self._args.cidr,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            tags=self._tags(name),
            opts=self._opts,
        )
        endpoints = [
            ec2.VpcEndpoint(
                f"{self._name}-{service}",
                vpc_id=self._vpc.id,
                service_name=self._scope.region.endpoint_service(service),
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[group.id],
                tags=self._tags(f"{self._name}-{service}"),
                opts=self._opts,
            )
            for service in _INTERFACES
        ]
        return [admitted, *endpoints]

    def _flow_log(self) -> None:
        """Logs all connections, accepted and refused."""
        name = f"{self._name}-flows"
        group = cloudwatch.LogGroup(
            name,
            retention_in_days=self._scope.sizes.log_days,
            tags=self._tags(name),
            opts=self._opts,
        )
        writer, permissions = role(
            name,
            _COMPONENT,
            RoleArgs(
                service="vpc-flow-logs.amazonaws.com",
                description="Writes the flow logs of one network",
                statements=[
                    Statement(
                        actions=("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"),
                        resources=(pulumi.Output.concat(group.arn, ":*"),),
                    )
                ],
            ),
            self._scope,
            self,
        )
        ec2.FlowLog(
            name,
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=writer.arn,
            tags=self._tags(name),
            opts=self._scope.options(self, permissions),
        )


@dataclass(frozen=True)
class _Blocks:
    private: Sequence[str]
    public: Sequence[str]


def _blocks(cidr: str, zones: int) -> _Blocks:
    """Divides the network: each zone's pods and nodes get a quarter of it (every pod has an address),
    and each zone's NAT gateway a sixteenth of the last quarter."""
    quarters = list(IPv4Network(cidr).subnets(prefixlen_diff=2))
    public = quarters[3].subnets(prefixlen_diff=4)
    return _Blocks(
        private=[str(block) for block in quarters[:zones]],
        public=[str(next(public)) for _ in range(zones)],
    )
