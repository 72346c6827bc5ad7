"""Creates the network: a VPC with one private subnet, Cloud NAT by size, and a peering to Google's
databases."""

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
from pulumi_gcp import compute, servicenetworking

from components.endpoints import NetworkEndpoint
from providers.gcp.scope import Scope

PODS, SERVICES = "pods", "services"
"""The names of the subnet's secondary ranges."""

_SERVICE_NETWORKING = "servicenetworking.googleapis.com"


@dataclass(frozen=True)
class Ranges:
    """Divides the network's addresses, a /12 to a /18. One half is for pods."""

    network: IPv4Network

    @property
    def pods(self) -> IPv4Network:
        return list(self.network.subnets())[1]

    @property
    def nodes(self) -> IPv4Network:
        return self._quarter(0)

    @property
    def services(self) -> IPv4Network:
        return self._quarter(1)

    @property
    def managed(self) -> IPv4Network:
        """The range for databases, which Google runs on its side of the peering."""
        return self._quarter(2)

    @property
    def control_plane(self) -> IPv4Network:
        return next(self._quarter(3).subnets(new_prefix=28))

    def _quarter(self, index: int) -> IPv4Network:
        half = next(self.network.subnets())
        return list(half.subnets(prefixlen_diff=2))[index]


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """The settings of a network. With `nat`, nodes reach the internet, which never reaches them;
    without, they reach only Google's services. `flow_samples` is the fraction of connections that is
    logged."""

    scope: Scope
    ranges: Ranges
    nat: bool
    flow_samples: float


class Network(pulumi.ComponentResource):
    """A VPC that the internet cannot reach: no node has a public address."""

    endpoint: NetworkEndpoint

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:gcp:Network", name, {}, opts)
        self._scope = args.scope
        own = self._scope.options(self)
        network = compute.Network(name, auto_create_subnetworks=False, routing_mode="REGIONAL", opts=own)
        subnet = compute.Subnetwork(
            f"{name}-nodes",
            network=network.id,
            region=self._scope.region,
            ip_cidr_range=str(args.ranges.nodes),
            secondary_ip_ranges=[
                compute.SubnetworkSecondaryIpRangeArgs(range_name=range_name, ip_cidr_range=str(addresses))
                for range_name, addresses in ((PODS, args.ranges.pods), (SERVICES, args.ranges.services))
            ],
            private_ip_google_access=True,
            log_config=_flow_logs(args.flow_samples),
            opts=own,
        )
        needed: list[pulumi.Resource] = [self._service_access(name, network, args.ranges.managed)]
        if args.nat:
            needed.append(self._way_out(name, network))
        self.endpoint = NetworkEndpoint(
            component=name, id=network.id, subnets=(subnet.id,), depends_on=(subnet, *needed)
        )
        self.register_outputs({"id": network.id, "subnet": subnet.id})

    def _way_out(self, name: str, network: compute.Network) -> pulumi.Resource:
        own = self._scope.options(self)
        router = compute.Router(f"{name}-router", network=network.id, region=self._scope.region, opts=own)
        return compute.RouterNat(
            f"{name}-nat",
            router=router.name,
            region=self._scope.region,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            # Pods of a node share its address: ports are lent as they are needed.
            enable_dynamic_port_allocation=True,
            enable_endpoint_independent_mapping=False,
            log_config=compute.RouterNatLogConfigArgs(enable=True, filter="ERRORS_ONLY"),
            opts=own,
        )

    def _service_access(
        self, name: str, network: compute.Network, addresses: IPv4Network
    ) -> servicenetworking.Connection:
        reserved = compute.GlobalAddress(
            f"{name}-services",
            purpose="VPC_PEERING",
            address_type="INTERNAL",
            address=str(addresses.network_address),
            prefix_length=addresses.prefixlen,
            network=network.id,
            labels=self._scope.labels.of(name),
            opts=self._scope.options(self),
        )
        return servicenetworking.Connection(
            f"{name}-services",
            network=network.id,
            service=_SERVICE_NETWORKING,
            reserved_peering_ranges=[reserved.name],
            # Google refuses to cut it for days after the last database is gone; it goes with the network.
            deletion_policy="ABANDON",
            opts=self._scope.options(self),
        )


def _flow_logs(samples: float) -> compute.SubnetworkLogConfigArgs | None:
    if not samples:
        return None
    return compute.SubnetworkLogConfigArgs(
        aggregation_interval="INTERVAL_5_MIN", flow_sampling=samples, metadata="INCLUDE_ALL_METADATA"
    )
