"""Defines an endpoint for each capability: a frozen dataclass with all that a client needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pulumi

from components.base import (
    Address,
    Auth,
    Endpoint,
    ExecutorTemplate,
    HostPort,
    Password,
    WorkloadIdentity,
    login_of,
)

USER_IDENTITY = "nebula"
"""The object store's identity for people and for clients outside the platform."""


@dataclass(frozen=True, kw_only=True)
class NetworkEndpoint(Endpoint):
    """The network that clusters and managed services are in: its provider id and the ids of its private
    subnets, which are empty where workloads share one machine."""

    id: pulumi.Input[str] = ""
    subnets: tuple[pulumi.Input[str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class PostgresDatabase(Endpoint):
    """One database; `auth` is the role that owns it. `volume` is the identity of the volume that the
    database is on, empty where the provider keeps it. A task that fills the database runs again on
    another volume."""

    address: Address
    name: str
    volume: pulumi.Input[str] = ""

    @property
    def jdbc_url(self) -> pulumi.Output[str]:
        """The JDBC URL, a template for a client that has `ca_files`. A driver that does not know
        `requireAuth`, such as the catalog's, ignores it."""
        options = [] if self.tls.mode == "disabled" else [f"sslmode={SSLMODE[self.tls.mode]}"]
        options += [] if self.ca_file is None else [f"sslrootcert={self.ca_file}"]
        methods = accepted_logins(self)
        options += [] if methods is None else [f"requireAuth={methods}"]
        query = f"?{'&'.join(options)}" if options else ""
        return self.address.inside.url("jdbc:postgresql", f"/{self.name}{query}")


@dataclass(frozen=True, kw_only=True)
class PostgresEndpoint(Endpoint):
    """A Postgres server with a database and an owner for each service. `names` has the actual name of
    each database that is called otherwise on the server."""

    address: Address
    databases: Mapping[str, Auth]
    names: Mapping[str, str] = field(default_factory=dict)
    volume: pulumi.Input[str] = ""

    @property
    def public(self) -> Mapping[str, Any]:
        here = self.address.outside
        return {"host": here.host, "port": here.port, "databases": list(self.databases)}

    @property
    def credentials(self) -> Mapping[str, Any]:
        owners = {name: login_of(auth) for name, auth in self.databases.items()}
        return {**login_of(self.auth), "databases": owners}

    def database(self, name: str) -> PostgresDatabase:
        """Returns the database `name` with its owner's credential. Raises KeyError for a database that
        was not declared when the server was created."""
        return PostgresDatabase(
            component=self.component,
            workloads=self.workloads,
            external=self.external,
            depends_on=self.depends_on,
            tls=self.tls,
            auth=self.databases[name],
            address=self.address,
            name=self.names.get(name, name),
            volume=self.volume,
        )


SSLMODE: Mapping[str, str] = {"disabled": "prefer", "required": "require", "verify-full": "verify-full"}
"""Postgres' own word for a TLS mode: a server that has no TLS is asked for none."""


def accepted_logins(server: Endpoint) -> str | None:
    """Returns libpq's `require_auth` for a client of `server`, or None if TLS proves the server's
    identity. Without that proof another process may have the server's port: the platform's own server
    must then show by SCRAM that it knows the password, and a site's server never gets the password
    itself."""
    if server.tls.mode == "verify-full":
        return None
    return "!password" if server.external else "scram-sha-256"


@dataclass(frozen=True, kw_only=True)
class ObjectStoreEndpoint(Endpoint):
    """An object store.

    `protocol` is the API that it speaks: S3, or Google's own (`gs`). `buckets` maps a logical name to its
    URI (`gold` to `s3://gold`). `identities` has the credential of each service; `identity` returns the
    store with one of them as `auth`. S3 signatures name `region`. `volume` is as in PostgresDatabase.
    """

    address: Address
    buckets: Mapping[str, pulumi.Input[str]]
    protocol: Literal["s3", "gs"] = "s3"
    identities: Mapping[str, Auth] = field(default_factory=dict)
    region: pulumi.Input[str] = "us-east-1"
    path_style: bool = True
    volume: pulumi.Input[str] = ""

    @property
    def public(self) -> Mapping[str, Any]:
        return {"url": self.address.outside.url(), "region": self.region, "buckets": dict(self.buckets)}

    @property
    def credentials(self) -> Mapping[str, Any]:
        services = {name: login_of(auth) for name, auth in self.identities.items()}
        return {**services.get(USER_IDENTITY, {}), "services": services}

    def identity(self, service: str) -> "ObjectStoreEndpoint":
        """Returns the store with the credential of `service`, which reaches only the buckets granted to
        it. Raises KeyError for a service without a grant."""
        return replace(self, auth=self.identities[service], identities={})

    @property
    def key(self) -> Password | None:
        """Returns the access key; None if clients log in by a workload identity. Raises TypeError for
        another way to authenticate."""
        match self.auth:
            case Password() if self.protocol == "s3":
                return self.auth
            case WorkloadIdentity():
                return None
        allowed = "an access key or a workload identity" if self.protocol == "s3" else "a workload identity"
        raise TypeError(f"{self.component} ({self.protocol}) needs {allowed}, got {type(self.auth).__name__}")

    def bucket(self, name: str) -> pulumi.Output[str]:
        """Returns the bucket's actual name, by its logical one."""
        return pulumi.Output.from_input(self.buckets[name]).apply(lambda uri: uri.partition("://")[2])


@dataclass(frozen=True, kw_only=True)
class KafkaEndpoint(Endpoint):
    """A Kafka cluster and the addresses of its brokers. `sasl_mechanism` is that of `auth`."""

    brokers: tuple[Address, ...]
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"

    @property
    def bootstrap_servers(self) -> pulumi.Output[str]:
        """The bootstrap servers for workloads, comma-separated."""
        return _joined([broker.inside for broker in self.brokers])

    @property
    def outside_bootstrap_servers(self) -> pulumi.Output[str]:
        """The bootstrap servers for clients beyond the cluster, comma-separated."""
        return _joined([broker.outside for broker in self.brokers])

    @property
    def outside_protocol(self) -> str:
        """Kafka's `security.protocol` for clients beyond the cluster."""
        transport = "SSL" if all(broker.outside.tls for broker in self.brokers) else "PLAINTEXT"
        return f"SASL_{transport}" if isinstance(self.auth, Password) else transport

    @property
    def public(self) -> Mapping[str, Any]:
        return {
            "bootstrap_servers": self.outside_bootstrap_servers,
            "security_protocol": self.outside_protocol,
        }


def _joined(addresses: Sequence[HostPort]) -> pulumi.Output[str]:
    """Returns the addresses, comma-separated and without repeats: brokers share one name inside."""
    return pulumi.Output.all(*(address.authority for address in addresses)).apply(
        lambda known: ",".join(dict.fromkeys(known))
    )


@dataclass(frozen=True, kw_only=True)
class RedisEndpoint(Endpoint):
    """A Redis server; `auth` is its user."""

    address: Address

    @property
    def public(self) -> Mapping[str, Any]:
        here = self.address.outside
        return {"host": here.host, "port": here.port, "url": here.url("redis")}


@dataclass(frozen=True, kw_only=True)
class IcebergCatalogEndpoint(Endpoint):
    """An Iceberg REST catalog. Its API begins at `path`, its default warehouse is `warehouse`, and
    `volume` is the identity of the volume of its metadata."""

    address: Address
    path: str
    warehouse: str
    volume: pulumi.Input[str] = ""

    @property
    def public(self) -> Mapping[str, Any]:
        return {"url": self.address.outside.url("http", self.path), "warehouse": self.warehouse}


@dataclass(frozen=True, kw_only=True)
class TrinoEndpoint(Endpoint):
    """A Trino coordinator and the names of its catalogs."""

    address: Address
    catalogs: tuple[str, ...]

    @property
    def public(self) -> Mapping[str, Any]:
        return {"url": self.address.outside.url(), "catalogs": list(self.catalogs)}


@dataclass(frozen=True, kw_only=True)
class SparkEndpoint(Endpoint):
    """A Spark master, and the properties that a driver needs in `spark-defaults.conf` to use it and the
    catalog.

    `master` is the master's URL for workloads, `outside_master` for clients beyond the cluster.
    `secret_conf` holds the properties that are secret. Where drivers start executors themselves, `executors`
    is their template and `files` are files that the driver brings. A driver on this machine may run on the
    Java at `java_home`.
    """

    master: pulumi.Output[str]
    outside_master: pulumi.Output[str]
    conf: Mapping[str, pulumi.Input[str]]
    secret_conf: Mapping[str, pulumi.Output[str]]
    executors: ExecutorTemplate | None = None
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    java_home: pulumi.Output[str] | None = None

    @property
    def public(self) -> Mapping[str, Any]:
        java_home = {} if self.java_home is None else {"java_home": self.java_home}
        return {"master": self.outside_master, **java_home}

    @property
    def credentials(self) -> Mapping[str, Any]:
        return {"conf": dict(self.secret_conf)}


@dataclass(frozen=True, kw_only=True)
class KeycloakEndpoint(Endpoint):
    """An OpenID Connect issuer, and the client that browsers use. `auth` is the admin user of `realm` in
    the platform's own Keycloak."""

    address: Address
    issuer: pulumi.Output[str]
    client: str
    realm: str | None = None

    @property
    def public(self) -> Mapping[str, Any]:
        realm = {} if self.realm is None else {"realm": self.realm}
        return {"url": self.address.outside.url(), "issuer": self.issuer, "client": self.client, **realm}


@dataclass(frozen=True, kw_only=True)
class NatsEndpoint(Endpoint):
    """A NATS server with JetStream; `auth` is its user."""

    address: Address

    @property
    def public(self) -> Mapping[str, Any]:
        return {"url": self.address.outside.url("nats")}


@dataclass(frozen=True, kw_only=True)
class ProjectionsEndpoint(Endpoint):
    """Views over HTTP: the address of each shard, by view and shard. `key` signs the tenants' tokens."""

    addresses: Mapping[str, Mapping[str, Address]]
    key: pulumi.Output[str]

    @property
    def public(self) -> Mapping[str, Any]:
        return {
            "urls": {
                view: {shard: address.outside.url() for shard, address in shards.items()}
                for view, shards in self.addresses.items()
            }
        }

    @property
    def credentials(self) -> Mapping[str, Any]:
        return {"key": self.key}
