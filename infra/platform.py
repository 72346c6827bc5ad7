"""The platform: which components, in which order, and what the stack exports."""

from collections.abc import Mapping
from typing import Any, TypeVar

import pulumi

from components.base import Endpoint
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
from components.external import ExternalCheck, ExternalCheckArgs, GatedCluster
from components.flights import Flights, FlightsArgs
from components.iceberg_catalog import WAREHOUSE, IcebergCatalog, IcebergCatalogArgs
from components.kafka import KafkaArgs, KafkaTopics, KafkaTopicsArgs, Topic
from components.keycloak import Keycloak, KeycloakArgs
from components.nats import Nats, NatsArgs, Stream
from components.object_store import Grant, ObjectStoreArgs
from components.parked import ParkedCluster
from components.postgres import PostgresArgs, PostgresDatabases, PostgresDatabasesArgs
from components.projections import Projections, ProjectionsArgs
from components.redis import RedisArgs
from components.spark import Spark, SparkArgs
from components.trino import Trino, TrinoArgs
from infra.external import USER_IDENTITY, endpoints, key_of
from infra.external_settings import BUCKETS, DATABASES
from infra.outputs import credentials, plain
from infra.projection_programs import read_workers
from infra.settings import Settings, SettingsError
from infra.stack_file import StackFile
from providers.base import CloudProvider

NAMESPACES = ("bronze", "silver", "gold")
_E = TypeVar("_E", bound=Endpoint)


class Platform:
    """Stands up every component that is on, in the order below, and keeps their endpoints."""

    def __init__(self, settings: Settings, provider: CloudProvider, stack_file: StackFile) -> None:
        self._settings = settings
        self._provider = provider
        self._stack_file = stack_file
        self._sizing = settings.workload_sizes
        self._on = frozenset(settings.on)
        self._network = provider.create_network("network")
        self._cluster = provider.create_cluster("cluster", self._network)
        if settings.power == "parked":
            self._cluster = ParkedCluster(self._cluster)
        self._secrets = provider.create_secrets("secrets")
        self._topics = tuple(Topic(each.name, each.partitions, each.config) for each in settings.topics)
        self._given = self._check_given("external")
        self.endpoints: dict[str, Endpoint] = {}
        for name, stand_up in (
            ("postgres", self._postgres),
            ("object_store", self._object_store),
            ("kafka", self._kafka),
            ("redis", self._redis),
            ("nats", self._nats),
            ("iceberg_catalog", self._iceberg_catalog),
            ("trino", self._trino),
            ("spark", self._spark),
            ("keycloak", self._keycloak),
            ("projections", self._projections),
        ):
            if name in self._on:
                self.endpoints[name] = stand_up(name)
        self.demo = self._flights("flights") if settings.demo else None

    def _need(self, kind: type[_E], target: str, by: str) -> _E:
        """The endpoint of `target`, which `by` links to. Raises SettingsError when it is off."""
        endpoint = self.endpoints.get(target)
        if isinstance(endpoint, kind):
            return endpoint
        off = by if by in self._on else "demo"
        where = self._stack_file.where(("components", target))
        raise SettingsError(f"{where}: {by} needs {target}, which is off: turn it on, or turn off {off} too")

    def _check_given(self, name: str) -> Mapping[str, Endpoint]:
        """The endpoints of the user's own servers. Whatever starts from here on does so after they have
        been reached."""
        external, grants = self._settings.external, self._grants()
        buckets = dict.fromkeys(bucket for grant in grants for bucket in grant.buckets)
        given = endpoints(external, [grant.service for grant in grants], buckets)
        if not given:
            return given
        wanted = () if external.kafka is None or external.kafka.create_topics else self._topics
        args = ExternalCheckArgs(
            cluster=self._cluster,
            sizing=self._sizing,
            endpoints={key_of(component): endpoint for component, endpoint in given.items()},
            grants=grants,
            topics=tuple(topic.name for topic in wanted),
        )
        self._cluster = GatedCluster(self._cluster, ExternalCheck(name, args).passed)
        return given

    def _postgres(self, name: str) -> PostgresEndpoint:
        services = tuple(service for service in DATABASES if service in self._settings.self_hosted)
        databases = tuple(dict.fromkeys((*services, *self._settings.databases)))
        if isinstance(given := self._given.get(name), PostgresEndpoint):
            if given.databases:
                return given
            return PostgresDatabases(
                name,
                PostgresDatabasesArgs(
                    cluster=self._cluster,
                    secrets=self._secrets,
                    sizing=self._sizing,
                    server=given,
                    databases=databases,
                ),
            ).endpoint
        args = PostgresArgs(
            cluster=self._cluster,
            secrets=self._secrets,
            sizing=self._sizing,
            databases=databases,
            network=self._network,
        )
        return self._provider.create_postgres(name, args)

    def _grants(self) -> tuple[Grant, ...]:
        """Who reaches which buckets; people reach all."""
        grants = (
            Grant("iceberg_catalog", (WAREHOUSE,)),
            Grant("trino", (WAREHOUSE,)),
            Grant("spark", (WAREHOUSE, "checkpoints")),
            Grant("spark", ("bronze",), "read"),
            Grant("flights", ("bronze", WAREHOUSE)),
        )
        on = self._on | ({"flights"} if self._settings.demo else frozenset())
        services = tuple(grant for grant in grants if grant.service in on)
        given = self._settings.external.object_store
        if given is None:
            return (*services, Grant(USER_IDENTITY, self._buckets(), outside=True))
        if given.access_key is None:
            return services
        needed = (*(bucket for grant in services for bucket in grant.buckets), *given.buckets)
        mine = tuple(dict.fromkeys((*needed, *self._settings.buckets)))
        return (*services, Grant(USER_IDENTITY, mine or self._buckets(), outside=True))

    def _buckets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*BUCKETS, *self._settings.buckets)))

    def _object_store(self, name: str) -> ObjectStoreEndpoint:
        if isinstance(given := self._given.get(name), ObjectStoreEndpoint):
            return given
        args = ObjectStoreArgs(
            cluster=self._cluster,
            secrets=self._secrets,
            sizing=self._sizing,
            buckets=self._buckets(),
            grants=self._grants(),
            network=self._network,
        )
        return self._provider.create_object_store(name, args)

    def _kafka(self, name: str) -> KafkaEndpoint:
        external = self._settings.external.kafka
        if external is not None and isinstance(given := self._given.get(name), KafkaEndpoint):
            if not external.create_topics:
                return given
            return KafkaTopics(
                name,
                KafkaTopicsArgs(
                    cluster=self._cluster,
                    sizing=self._sizing,
                    server=given,
                    topics=self._topics,
                    replication_factor=external.replication_factor,
                ),
            ).endpoint
        args = KafkaArgs(
            cluster=self._cluster,
            secrets=self._secrets,
            sizing=self._sizing,
            topics=self._topics,
            network=self._network,
        )
        return self._provider.create_kafka(name, args)

    def _redis(self, name: str) -> RedisEndpoint:
        if isinstance(given := self._given.get(name), RedisEndpoint):
            return given
        args = RedisArgs(
            cluster=self._cluster, secrets=self._secrets, sizing=self._sizing, network=self._network
        )
        return self._provider.create_redis(name, args)

    def _nats(self, name: str) -> NatsEndpoint:
        args = NatsArgs(
            cluster=self._cluster,
            secrets=self._secrets,
            sizing=self._sizing,
            streams=tuple(Stream(s.name, tuple(s.subjects)) for s in self._settings.streams),
        )
        return Nats(name, args).endpoint

    def _iceberg_catalog(self, name: str) -> IcebergCatalogEndpoint:
        args = IcebergCatalogArgs(
            cluster=self._cluster,
            sizing=self._sizing,
            database=self._need(PostgresEndpoint, "postgres", name).database(name),
            object_store=self._need(ObjectStoreEndpoint, "object_store", name).identity(name),
            namespaces=NAMESPACES,
        )
        return IcebergCatalog(name, args).endpoint

    def _trino(self, name: str) -> TrinoEndpoint:
        args = TrinoArgs(
            cluster=self._cluster,
            sizing=self._sizing,
            iceberg_catalog=self._need(IcebergCatalogEndpoint, "iceberg_catalog", name),
            object_store=self._need(ObjectStoreEndpoint, "object_store", name).identity(name),
            catalogs=self._settings.trino.catalogs,
        )
        return Trino(name, args).endpoint

    def _spark(self, name: str) -> SparkEndpoint:
        args = SparkArgs(
            cluster=self._cluster,
            secrets=self._secrets,
            sizing=self._sizing,
            iceberg_catalog=self._need(IcebergCatalogEndpoint, "iceberg_catalog", name),
            object_store=self._need(ObjectStoreEndpoint, "object_store", name).identity(name),
        )
        return Spark(name, args).endpoint

    def _keycloak(self, name: str) -> KeycloakEndpoint:
        if isinstance(given := self._given.get(name), KeycloakEndpoint):
            return given
        args = KeycloakArgs(
            cluster=self._cluster,
            secrets=self._secrets,
            sizing=self._sizing,
            database=self._need(PostgresEndpoint, "postgres", name).database(name),
            redirect_uris=tuple(self._settings.keycloak.redirect_uris),
            test_client=self._settings.keycloak.test_client,
        )
        return Keycloak(name, args).endpoint

    def _projections(self, name: str) -> ProjectionsEndpoint:
        args = ProjectionsArgs(
            cluster=self._cluster,
            secrets=self._secrets,
            sizing=self._sizing,
            nats=self._need(NatsEndpoint, "nats", name),
            workers=read_workers(self._settings.projections, self._stack_file),
        )
        return Projections(name, args).endpoint

    def _flights(self, name: str) -> pulumi.Output[dict[str, Any]]:
        args = FlightsArgs(
            cluster=self._cluster,
            sizing=self._sizing,
            object_store=self._need(ObjectStoreEndpoint, "object_store", name).identity(name),
            iceberg_catalog=self._need(IcebergCatalogEndpoint, "iceberg_catalog", name),
            spark=self._need(SparkEndpoint, "spark", name),
            trino=self._need(TrinoEndpoint, "trino", name),
        )
        return Flights(name, args).result

    def export(self) -> None:
        """The stack's outputs: `endpoints`, `credentials` (secret) and, with the demo, its answers."""
        pulumi.export("endpoints", {name: plain(endpoint) for name, endpoint in self.endpoints.items()})
        known = {name: credentials(endpoint) for name, endpoint in self.endpoints.items()}
        pulumi.export("credentials", pulumi.Output.secret(known))
        if self.demo is not None:
            pulumi.export("demo", self.demo)
