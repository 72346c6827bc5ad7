"""Serves capabilities by running the platform's own components on the provider's cluster."""

from components.endpoints import KafkaEndpoint, ObjectStoreEndpoint, PostgresEndpoint, RedisEndpoint
from components.kafka import Kafka, KafkaArgs
from components.object_store import ObjectStore, ObjectStoreArgs
from components.postgres import Postgres, PostgresArgs
from components.redis import Redis, RedisArgs


class SelfHosted:
    """A CloudProvider without managed services. A provider inherits it and overrides the capabilities
    that its cloud serves."""

    def create_postgres(self, name: str, args: PostgresArgs) -> PostgresEndpoint:
        return Postgres(name, args).endpoint

    def create_object_store(self, name: str, args: ObjectStoreArgs) -> ObjectStoreEndpoint:
        return ObjectStore(name, args).endpoint

    def create_kafka(self, name: str, args: KafkaArgs) -> KafkaEndpoint:
        return Kafka(name, args).endpoint

    def create_redis(self, name: str, args: RedisArgs) -> RedisEndpoint:
        return Redis(name, args).endpoint
