"""Exposes workloads beyond the cluster, by routes of a site's Gateway or by load balancers.

A Gateway ends TLS and serves HTTP only. Behind a load balancer the platform's TLS proxy ends TLS,
for HTTP and for each replica of a workload with a port `outside`, which has a port of its own.
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
    """The settings of Services of type LoadBalancer. `tls_secret` names a Secret of the namespace, of
    type kubernetes.io/tls, with a certificate for all host names in use."""

    tls_secret: str
    load_balancer_class: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    source_ranges: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exposure:
    """The exposed workloads and their host names. HTTP goes through the Gateway where there is one."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    gateway: Gateway | None = None
    load_balancer: LoadBalancer | None = None

    def https(self, workload: str) -> HostPort | None:
        """Returns the workload's HTTPS address beyond the cluster; None unless it is exposed."""
        return self.outside(workload, HTTPS)

    def outside(self, workload: str, number: int) -> HostPort | None:
        if (hostname := self.hosts.get(workload)) is None:
            return None
        return HostPort(pulumi.Output.from_input(hostname), pulumi.Output.from_input(number), tls=True)

    def placeholders(self, program: Program, replica: int) -> Mapping[str, str]:
        """Returns the values of templates (components/templates.py) that depend on the exposure."""
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
    """Creates a route that sends every request for `hostname` to the workload's `port`."""
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
