"""Builds the platform: the external servers' check, every row that is on, and the stack's outputs."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import pulumi

from components.base import Endpoint
from components.declaration import Declaration
from components.endpoints import USER_IDENTITY
from components.external import ExternalCheck, ExternalCheckArgs, GatedCluster
from components.foundation import Foundation
from components.kafka import Topic
from components.object_store import Access, Grant
from components.parked import ParkedCluster
from infra.declared import BUCKETS, BY_NAME
from infra.external import endpoints, key_of
from infra.lakehouse import ROWS, build_demo
from infra.settings import Settings
from infra.stack_file import StackFile
from providers.base import CloudProvider

_E = TypeVar("_E", bound=Endpoint)


class Construction:
    """Builds every component that is on, in the order of the rows, and keeps their endpoints.

    The functions of `infra/lakehouse.py` read from it what they build with: the settings, the provider, the
    foundation, the site's own servers and the endpoints of the components that were built before.
    """

    def __init__(self, settings: Settings, provider: CloudProvider, stack_file: StackFile) -> None:
        self.settings = settings
        self.provider = provider
        self.stack_file = stack_file
        network = provider.create_network("network")
        cluster = provider.create_cluster("cluster", network)
        self.foundation = Foundation(
            cluster=ParkedCluster(cluster) if settings.power == "parked" else cluster,
            secrets=provider.create_secrets("secrets"),
            sizing=settings.workload_sizes,
            network=network,
        )
        self._external = self._check_external("external")
        self.endpoints: dict[str, Endpoint] = {}
        for row in ROWS:
            if row.declaration.name in settings.on:
                self.endpoints[row.declaration.name] = row.build(self)
        self.demo = build_demo(self) if settings.demo else None

    def endpoint(self, kind: type[_E], component: str) -> _E:
        """Returns the endpoint of `component`, which must be built already. Raises TypeError if it is
        not built, or if its endpoint is not a `kind`. A row must declare the components that it needs."""
        endpoint = self.endpoints.get(component)
        if isinstance(endpoint, kind):
            return endpoint
        raise TypeError(
            f"{component} has no {kind.__name__} yet: declare it in `needs`, and in an earlier row"
        )

    def external(self, kind: type[_E], component: str) -> _E | None:
        """Returns the endpoint of the site's own server for `component`; None where the platform runs it."""
        endpoint = self._external.get(component)
        return endpoint if isinstance(endpoint, kind) else None

    @cached_property
    def topics(self) -> tuple[Topic, ...]:
        """Returns the Kafka topics of the stack file."""
        return tuple(Topic(each.name, each.partitions, each.config) for each in self.settings.topics)

    @cached_property
    def databases(self) -> tuple[str, ...]:
        """Returns the databases of the components that the platform runs, and those of the stack file."""
        run = (name for name in self.settings.self_hosted if BY_NAME[name].database)
        return tuple(dict.fromkeys((*run, *self.settings.databases)))

    @cached_property
    def buckets(self) -> tuple[str, ...]:
        """Returns the platform's own buckets and those of the stack file, by logical name."""
        return tuple(dict.fromkeys((*BUCKETS, *self.settings.buckets)))

    @cached_property
    def grants(self) -> tuple[Grant, ...]:
        """Returns the buckets that each service reaches, as declared; people reach all of them."""
        services = tuple(
            Grant(each.name, buckets, access)
            for each in self.settings.active
            for buckets, access in _accesses(each)
            if buckets
        )
        store = self.settings.external.object_store
        if store is None:
            return (*services, Grant(USER_IDENTITY, self.buckets, outside=True))
        if store.access_key is None:
            return services
        needed = (*(bucket for grant in services for bucket in grant.buckets), *store.buckets)
        used = tuple(dict.fromkeys((*needed, *self.settings.buckets)))
        return (*services, Grant(USER_IDENTITY, used or self.buckets, outside=True))

    def _check_external(self, name: str) -> Mapping[str, Endpoint]:
        """Returns the endpoints of the site's own servers. Everything built after this call starts only
        once those servers have been checked."""
        external = self.settings.external
        needed = dict.fromkeys(bucket for grant in self.grants for bucket in grant.buckets)
        servers = endpoints(external, [grant.service for grant in self.grants], needed)
        if not servers:
            return servers
        expected = () if external.kafka is None or external.kafka.create_topics else self.topics
        args = ExternalCheckArgs(
            foundation=self.foundation,
            endpoints={key_of(component): endpoint for component, endpoint in servers.items()},
            grants=self.grants,
            topics=tuple(topic.name for topic in expected),
        )
        cluster = GatedCluster(self.foundation.cluster, ExternalCheck(name, args).passed)
        self.foundation = replace(self.foundation, cluster=cluster)
        return servers

    def export(self) -> None:
        """Exports `endpoints`, `credentials` (secret) and, if the demo is on, its answers as `demo`."""
        pulumi.export("endpoints", {name: endpoint.public for name, endpoint in self.endpoints.items()})
        known = {name: endpoint.credentials for name, endpoint in self.endpoints.items()}
        pulumi.export("credentials", pulumi.Output.secret(known))
        if self.demo is not None:
            pulumi.export("demo", self.demo)


def _accesses(declared: Declaration) -> tuple[tuple[tuple[str, ...], Access], ...]:
    return ((declared.writes, "write"), (declared.reads, "read"))
