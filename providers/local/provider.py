"""The local provider: the whole platform as supervised processes on one machine."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from components.base import Cluster
from components.endpoints import NetworkEndpoint
from providers.local.cluster import LocalCluster
from providers.local.ports import PortTable
from providers.local.resources import Host, Plugin, Secret
from providers.self_hosted import SelfHosted


@dataclass(frozen=True, kw_only=True)
class LocalArgs:
    """Where a stack lives on one machine, and on which ports.

    `directory` is the stack's own, `cache` the one that stacks share. `ports` is the table of all ports,
    `components` names those that run, `port_indexes` has the positions in its range that a component's
    workloads use, and `port_offset` is added to every port. Nothing of a `parked` stack runs.
    """

    directory: Path
    cache: Path
    ports: PortTable
    components: Iterable[str]
    port_offset: int
    keep_data: bool
    parked: bool = False
    port_indexes: Mapping[str, Collection[int]] = field(default_factory=dict)


class LocalSecrets:
    """Mints random secrets. They are encrypted in the state, and in files beside the data."""

    def __init__(self, plugin: Plugin, host: Host) -> None:
        self._plugin = plugin
        self._host = host

    def random(self, name: str, parent: pulumi.Resource, length: int = 32) -> pulumi.Output[str]:
        opts = pulumi.ResourceOptions(parent=parent, provider=self._plugin, depends_on=[self._host])
        return Secret(name, directory=self._host.directory, length=length, opts=opts).value


class LocalProvider(SelfHosted):
    """Runs every capability itself, on the local cluster."""

    def __init__(self, name: str, args: LocalArgs) -> None:
        self._args = args
        self._plugin = Plugin(name)
        self._host = Host(
            name,
            directory=str(args.directory),
            ports=args.ports.of_components(args.components, args.port_offset, args.port_indexes),
            keep_data=args.keep_data,
            parked=args.parked,
            opts=pulumi.ResourceOptions(provider=self._plugin),
        )

    def create_network(self, name: str) -> NetworkEndpoint:
        """Returns an endpoint without an id: the loopback interface exists already."""
        return NetworkEndpoint(component=name)

    def create_cluster(self, name: str, network: NetworkEndpoint) -> Cluster:
        return LocalCluster(
            self._plugin, self._host, self._args.cache, self._args.ports, self._args.port_offset
        )

    def create_secrets(self, name: str) -> LocalSecrets:
        return LocalSecrets(self._plugin, self._host)
