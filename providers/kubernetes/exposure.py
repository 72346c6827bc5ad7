"""Access from beyond the cluster: routes of a Gateway that the site runs, or load balancers.

A Gateway ends TLS and takes HTTP alone. Behind a load balancer an edge of ours (edge.py) ends TLS, for
HTTP and for the replicas of a workload that has a port `outside`, each on a port of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.base import HostPort, Program
from providers.kubernetes.naming import Naming, dns_label

OUTSIDE = "outside"
"""The port of a workload of which each replica is reached by itself."""
HTTPS = 443


@dataclass(frozen=True)
class Gateway:
    """A Gateway (gateway.networking.k8s.io) with an HTTPS listener for the host names in use."""

    name: str
    namespace: str


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """How Services of type LoadBalancer are made. `tls_secret` is a Secret of the namespace, of type
    kubernetes.io/tls, with a certificate for all host names in use."""

    tls_secret: str
    load_balancer_class: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    source_ranges: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exposure:
    """Workloads and their host names. What speaks HTTP goes by the Gateway where there is one."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    gateway: Gateway | None = None
    load_balancer: LoadBalancer | None = None

    def https(self, workload: str) -> HostPort | None:
        """Where it is reached from outside, by HTTP; None unless the workload is exposed."""
        return self.outside(workload, HTTPS)

    def outside(self, workload: str, number: int) -> HostPort | None:
        if (hostname := self.hosts.get(workload)) is None:
            return None
        return HostPort(pulumi.Output.from_input(hostname), pulumi.Output.from_input(number), tls=True)

    def placeholders(self, program: Program, replica: int) -> Mapping[str, str]:
        """The values of templates (components/templates.py) that are known here alone."""
        hostname, number = self.hosts.get(program.name), program.ports.get(OUTSIDE)
        return {} if hostname is None or number is None else {OUTSIDE: f"{hostname}:{number + replica}"}


def route(
    workload: str,
    hostname: str,
    port: int,
    gateway: Gateway,
    naming: Naming,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """Everything that `hostname` is asked goes to the workload's `port`."""
    return CustomResource(
        f"{workload}-route",
        api_version="gateway.networking.k8s.io/v1",
        kind="HTTPRoute",
        metadata=naming.metadata(workload),
        spec={
            "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
            "hostnames": [hostname],
            "rules": [{"backendRefs": [{"name": dns_label(workload), "port": port}]}],
        },
        opts=opts,
    )
