"""The interface that every cloud implements: one method per capability."""

from typing import Protocol

import pulumi

from components.base import Cluster, Secrets
from components.endpoints import (
    KafkaEndpoint,
    NetworkEndpoint,
    ObjectStoreEndpoint,
    PostgresEndpoint,
    RedisEndpoint,
)
from components.kafka import KafkaArgs
from components.object_store import ObjectStoreArgs
from components.postgres import PostgresArgs
from components.redis import RedisArgs


class CloudProvider(Protocol):
    """What `infra/platform.py` asks of the cloud it stands on.

    The args of a capability are those of the component that can serve it (`components/postgres.py`):
    they name the cluster, the network and what is declared inside (databases, buckets, topics). A
    provider may run that component, or return a managed service's endpoint of the same type.
    """

    def create_network(self, name: str, opts: pulumi.ResourceOptions | None = None) -> NetworkEndpoint: ...

    def create_cluster(
        self, name: str, network: NetworkEndpoint, opts: pulumi.ResourceOptions | None = None
    ) -> Cluster: ...

    def create_secrets(self, name: str, opts: pulumi.ResourceOptions | None = None) -> Secrets: ...

    def create_postgres(
        self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None
    ) -> PostgresEndpoint: ...

    def create_object_store(
        self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> ObjectStoreEndpoint: ...

    def create_kafka(
        self, name: str, args: KafkaArgs, opts: pulumi.ResourceOptions | None = None
    ) -> KafkaEndpoint: ...

    def create_redis(
        self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None
    ) -> RedisEndpoint: ...
