"""Lists the platform's components: each row has a declaration and the function that builds the
component.

A component's declaration stands in its own module. A new component gets a row here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components import (
    flights,
    iceberg_catalog,
    kafka,
    keycloak,
    nats,
    object_store,
    postgres,
    projections,
    provisioning,
    redis,
    spark,
    trino,
)
from components.base import Endpoint
from components.declaration import Declaration
from components.endpoints import (
    IcebergCatalogEndpoint,
    KafkaEndpoint,
    KeycloakEndpoint,
    NatsEndpoint,
    ObjectStoreEndpoint,
    PostgresEndpoint,
    ProjectionsEndpoint,
    RedisEndpoint,
    SparkEndpoint,
    TrinoEndpoint,
)
from infra.projection_programs import read_workers

if TYPE_CHECKING:
    from infra.construction import Construction

NAMESPACES = ("bronze", "silver", "gold")
"""The namespaces that the Iceberg catalog has from the start."""


@dataclass(frozen=True)
class Row:
    """A component: its declaration, and the function that builds it and returns its endpoint."""

    declaration: Declaration
    build: Callable[["Construction"], Endpoint]


def _postgres(to: "Construction") -> PostgresEndpoint:
    server = to.external(PostgresEndpoint, "postgres")
    if server is None:
        args = postgres.PostgresArgs(foundation=to.foundation, databases=to.databases)
        return to.provider.create_postgres("postgres", args)
    if server.databases:
        return server
    inside = postgres.PostgresDatabasesArgs(foundation=to.foundation, server=server, databases=to.databases)
    return postgres.PostgresDatabases("postgres", inside).endpoint


def _object_store(to: "Construction") -> ObjectStoreEndpoint:
    args = object_store.ObjectStoreArgs(foundation=to.foundation, buckets=to.buckets, grants=to.grants)
    return to.external(ObjectStoreEndpoint, "object_store") or to.provider.create_object_store(
        "object_store", args
    )


def _kafka(to: "Construction") -> KafkaEndpoint:
    brokers, settings = to.external(KafkaEndpoint, "kafka"), to.settings.external.kafka
    if brokers is None or settings is None:
        args = kafka.KafkaArgs(foundation=to.foundation, topics=to.topics)
        return to.provider.create_kafka("kafka", args)
    if not settings.create_topics:
        return brokers
    topics = kafka.KafkaTopicsArgs(
        foundation=to.foundation,
        server=brokers,
        topics=to.topics,
        replication_factor=settings.replication_factor,
    )
    return kafka.KafkaTopics("kafka", topics).endpoint


def _redis(to: "Construction") -> RedisEndpoint:
    args = redis.RedisArgs(foundation=to.foundation)
    return to.external(RedisEndpoint, "redis") or to.provider.create_redis("redis", args)


def _nats(to: "Construction") -> NatsEndpoint:
    streams = tuple(nats.Stream(each.name, tuple(each.subjects)) for each in to.settings.streams)
    return nats.Nats("nats", nats.NatsArgs(foundation=to.foundation, streams=streams)).endpoint


def _iceberg_catalog(to: "Construction") -> IcebergCatalogEndpoint:
    args = iceberg_catalog.IcebergCatalogArgs(
        foundation=to.foundation,
        database=to.endpoint(PostgresEndpoint, "postgres").database("iceberg_catalog"),
        object_store=to.endpoint(ObjectStoreEndpoint, "object_store").identity("iceberg_catalog"),
        namespaces=NAMESPACES,
    )
    return iceberg_catalog.IcebergCatalog("iceberg_catalog", args).endpoint


def _trino(to: "Construction") -> TrinoEndpoint:
    args = trino.TrinoArgs(
        foundation=to.foundation,
        iceberg_catalog=to.endpoint(IcebergCatalogEndpoint, "iceberg_catalog"),
        object_store=to.endpoint(ObjectStoreEndpoint, "object_store").identity("trino"),
        catalogs=to.settings.trino.catalogs,
    )
    return trino.Trino("trino", args).endpoint


def _spark(to: "Construction") -> SparkEndpoint:
    args = spark.SparkArgs(
        foundation=to.foundation,
        iceberg_catalog=to.endpoint(IcebergCatalogEndpoint, "iceberg_catalog"),
        object_store=to.endpoint(ObjectStoreEndpoint, "object_store").identity("spark"),
    )
    return spark.Spark("spark", args).endpoint


def _keycloak(to: "Construction") -> KeycloakEndpoint:
    if (issuer := to.external(KeycloakEndpoint, "keycloak")) is not None:
        return issuer
    args = keycloak.KeycloakArgs(
        foundation=to.foundation,
        database=to.endpoint(PostgresEndpoint, "postgres").database("keycloak"),
        redirect_uris=tuple(to.settings.keycloak.redirect_uris),
        test_client=to.settings.keycloak.test_client,
    )
    return keycloak.Keycloak("keycloak", args).endpoint


def _projections(to: "Construction") -> ProjectionsEndpoint:
    args = projections.ProjectionsArgs(
        foundation=to.foundation,
        nats=to.endpoint(NatsEndpoint, "nats"),
        workers=read_workers(to.settings.projections, to.stack_file),
    )
    return projections.Projections("projections", args).endpoint


def build_demo(to: "Construction") -> pulumi.Output[dict[str, Any]]:
    """Runs the flights pipeline and returns its answers."""
    args = flights.FlightsArgs(
        foundation=to.foundation,
        object_store=to.endpoint(ObjectStoreEndpoint, "object_store").identity("flights"),
        iceberg_catalog=to.endpoint(IcebergCatalogEndpoint, "iceberg_catalog"),
        spark=to.endpoint(SparkEndpoint, "spark"),
        trino=to.endpoint(TrinoEndpoint, "trino"),
    )
    return flights.Flights("flights", args).result


ROWS: tuple[Row, ...] = (
    Row(postgres.DECLARATION, _postgres),
    Row(object_store.DECLARATION, _object_store),
    Row(kafka.DECLARATION, _kafka),
    Row(redis.DECLARATION, _redis),
    Row(nats.DECLARATION, _nats),
    Row(iceberg_catalog.DECLARATION, _iceberg_catalog),
    Row(trino.DECLARATION, _trino),
    Row(spark.DECLARATION, _spark),
    Row(keycloak.DECLARATION, _keycloak),
    Row(projections.DECLARATION, _projections),
)
"""Every component, after those that it needs. Settings, ports and outputs list them in this order."""

DECLARATIONS: tuple[Declaration, ...] = (
    *(row.declaration for row in ROWS),
    provisioning.DECLARATION,
    flights.DECLARATION,
)
"""The components, and the tasks that are no component: the provisioner and the demo."""
