"""What a client needs to connect, one frozen dataclass per capability."""

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
    """The network that clusters and managed services live in: its provider id and the ids of its
    private subnets, both empty where workloads share one machine."""

    id: pulumi.Input[str] = ""
    subnets: tuple[pulumi.Input[str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class PostgresDatabase(Endpoint):
    """One database and, as `auth`, the role that owns it. `volume` is the identity of the volume that
    it is on, empty where the provider keeps it: who fills the database does so again on another."""

    address: Address
    name: str
    volume: pulumi.Input[str] = ""

    @property
    def jdbc_url(self) -> pulumi.Output[str]:
        """A template, for a client that has `ca_files`. A driver that does not know `requireAuth`,
        as the catalog's, ignores it."""
        options = [] if self.tls.mode == "disabled" else [f"sslmode={SSLMODE[self.tls.mode]}"]
        options += [] if self.ca_file is None else [f"sslrootcert={self.ca_file}"]
        methods = accepted_logins(self)
        options += [] if methods is None else [f"requireAuth={methods}"]
        query = f"?{'&'.join(options)}" if options else ""
        return self.address.inside.url("jdbc:postgresql", f"/{self.name}{query}")


@dataclass(frozen=True, kw_only=True)
class PostgresEndpoint(Endpoint):
    """A Postgres server with a database and an owner of its own for each service. `names` are those of
    databases that are called otherwise there."""

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
        """The database `name`, with the credential of its owner. Raises KeyError for one that was
        not declared when the server was created."""
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
    """The ways (of libpq's `require_auth`) in which a client may log in to a Postgres server that no
    certificate proves, since somebody else may have its port. Ours must know the password as well, which is
    what SCRAM shows; to one of the user's the password itself is not sent. None where TLS proves it."""
    if server.tls.mode == "verify-full":
        return None
    return "!password" if server.external else "scram-sha-256"


@dataclass(frozen=True, kw_only=True)
class ObjectStoreEndpoint(Endpoint):
    """Object storage. `protocol` is the API that it speaks: S3, or Google's own (`gs`). `buckets` maps a
    logical name to its URI (`gold` to `s3://gold`); `auth` is that of one service, as `identity` hands it
    out; `region` is what S3 signatures name; `volume` is as in PostgresDatabase."""

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
        """The same store with the credential of `service`, which reaches the buckets granted to it
        and no others. Raises KeyError for a service without a grant."""
        return replace(self, auth=self.identities[service], identities={})

    @property
    def key(self) -> Password | None:
        """The access key; None where clients are known by their workload's own identity. Raises TypeError
        for another way to authenticate."""
        match self.auth:
            case Password() if self.protocol == "s3":
                return self.auth
            case WorkloadIdentity():
                return None
        allowed = "an access key or a workload identity" if self.protocol == "s3" else "a workload identity"
        raise TypeError(f"{self.component} ({self.protocol}) needs {allowed}, got {type(self.auth).__name__}")

    def bucket(self, name: str) -> pulumi.Output[str]:
        """The bucket's own name, by its logical one."""
        return pulumi.Output.from_input(self.buckets[name]).apply(lambda uri: uri.partition("://")[2])


@dataclass(frozen=True, kw_only=True)
class KafkaEndpoint(Endpoint):
    """Kafka's bootstrap servers; `sasl_mechanism` is that of `auth`."""

    brokers: tuple[Address, ...]
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"

    @property
    def bootstrap_servers(self) -> pulumi.Output[str]:
        """Inside, comma-separated."""
        return _joined([broker.inside for broker in self.brokers])

    @property
    def outside_bootstrap_servers(self) -> pulumi.Output[str]:
        return _joined([broker.outside for broker in self.brokers])

    @property
    def outside_protocol(self) -> str:
        """Kafka's `security.protocol` of a client outside."""
        transport = "SSL" if all(broker.outside.tls for broker in self.brokers) else "PLAINTEXT"
        return f"SASL_{transport}" if isinstance(self.auth, Password) else transport

    @property
    def public(self) -> Mapping[str, Any]:
        return {
            "bootstrap_servers": self.outside_bootstrap_servers,
            "security_protocol": self.outside_protocol,
        }


def _joined(addresses: Sequence[HostPort]) -> pulumi.Output[str]:
    """Each once: inside, brokers share the name of their service."""
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
    """An Iceberg REST catalog: `path` is where its API begins, `warehouse` the default one, `volume`
    that of its metadata."""

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
    """A Spark master (its URL inside and outside) and what a driver's `spark-defaults.conf` must say to
    use it and the catalog. `secret_conf` holds the properties that are secrets. Where drivers start
    their executors themselves, `executors` says from what, and `files` are what the driver brings.
    `java_home` is a Java that a driver on this machine may run on."""

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
    """An OpenID Connect issuer, and the client that browsers use. Of our own, `auth` is the admin user
    of `realm`."""

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
    """Views over HTTP: the address of each shard, by view and shard. `key` makes the tenants' tokens."""

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
