"""Access from beyond the cluster: routes of a Gateway that the site runs, which ends TLS."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.base import HostPort
from providers.kubernetes.naming import Naming, dns_label

_HTTPS = 443


@dataclass(frozen=True)
class Gateway:
    """A Gateway (gateway.networking.k8s.io) with an HTTPS listener for the host names in use."""

    name: str
    namespace: str


def outside_of(hostname: str) -> HostPort:
    return HostPort(pulumi.Output.from_input(hostname), pulumi.Output.from_input(_HTTPS), tls=True)


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
