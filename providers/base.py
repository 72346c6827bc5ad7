"""Defines the interface that every cloud implements, with one method for each capability."""

from typing import Protocol

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
    """Creates the capabilities that the rows of `infra/lakehouse.py` ask a cloud for.

    The args of a capability are those of the component that can serve it, such as PostgresArgs: they hold
    the foundation (cluster, secrets, sizes, network) and what is declared inside (databases, buckets,
    topics). A provider runs that component, or returns a managed service's endpoint of the same type.
    """

    def create_network(self, name: str) -> NetworkEndpoint: ...

    def create_cluster(self, name: str, network: NetworkEndpoint) -> Cluster: ...

    def create_secrets(self, name: str) -> Secrets: ...

    def create_postgres(self, name: str, args: PostgresArgs) -> PostgresEndpoint: ...

    def create_object_store(self, name: str, args: ObjectStoreArgs) -> ObjectStoreEndpoint: ...

    def create_kafka(self, name: str, args: KafkaArgs) -> KafkaEndpoint: ...

    def create_redis(self, name: str, args: RedisArgs) -> RedisEndpoint: ...
