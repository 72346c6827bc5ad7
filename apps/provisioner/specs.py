"""The declared state of each service: the schema of the spec file (README.md has an example of each)."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, TypeAdapter, model_validator

from apps.kit.settings import Spec
from apps.provisioner.fields import (
    HostPort,
    HttpUrl,
    KafkaConnection,
    Name,
    Port,
    RequireAuth,
    Secret,
    ServiceSpec,
    SslMode,
    refuse_repeated,
)
from apps.provisioner.given import CheckSpec


class Database(Spec):
    name: Name
    owner: Name
    password: Secret
    replication: bool = False
    schemas: tuple[Name, ...] = ()


class PostgresSpec(ServiceSpec):
    service: Literal["postgres"]
    host: Name
    port: Port = 5432
    user: Name
    password: Secret
    database: Name = "postgres"
    sslmode: SslMode = "prefer"
    require_auth: RequireAuth | None = None
    databases: tuple[Database, ...]
    restrict: tuple[Name, ...] = ("postgres", "template1")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_repeated("databases", (database.name for database in self.databases))
        passwords: dict[str, SecretStr] = {}
        for index, database in enumerate(self.databases):
            if database.owner == self.user:
                raise ValueError(f"databases[{index}].owner: must not be the administrator")
            if passwords.setdefault(database.owner, database.password) != database.password:
                raise ValueError(f"databases[{index}].password: differs from another of the same owner")
        return self


class Bucket(Spec):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    versioned: bool | None = None


class Grant(Spec):
    buckets: Annotated[tuple[str, ...], Field(min_length=1)]
    access: Literal["read", "write"]


class AccessKey(Spec):
    name: Annotated[str, StringConstraints(min_length=3, max_length=20)]
    secret_key: Annotated[SecretStr, Field(min_length=8, max_length=40)]
    grants: Annotated[tuple[Grant, ...], Field(min_length=1)]


class ObjectStoreSpec(ServiceSpec):
    service: Literal["object_store"]
    endpoint: HostPort
    tls: bool = False
    region: Name = "us-east-1"
    access_key: Name
    secret_key: Secret
    buckets: tuple[Bucket, ...]
    users: tuple[AccessKey, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_repeated("buckets", (bucket.name for bucket in self.buckets))
        refuse_repeated("users", (user.name for user in self.users))
        declared = {bucket.name for bucket in self.buckets}
        for index, user in enumerate(self.users):
            if user.name == self.access_key:
                raise ValueError(f"users[{index}].name: must not be the administrator")
            for position, grant in enumerate(user.grants):
                if unknown := sorted(set(grant.buckets) - declared):
                    key = f"users[{index}].grants[{position}].buckets"
                    raise ValueError(f"{key}: {unknown[0]!r} is not among the declared buckets")
        return self


class Topic(Spec):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
    partitions: Annotated[int, Field(ge=1)] = 1
    replication_factor: Annotated[int, Field(ge=1)] = 1
    config: dict[str, str] = Field(default_factory=dict)


class KafkaSpec(KafkaConnection, ServiceSpec):
    service: Literal["kafka"]
    topics: tuple[Topic, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_repeated("topics", (topic.name for topic in self.topics))
        return self


class Stream(Spec):
    """Limits are -1 (bytes, messages) or 0 (seconds) where there is none."""

    name: Annotated[str, StringConstraints(pattern=r"^[^\s.*>/\\]+$")]
    subjects: Annotated[tuple[Name, ...], Field(min_length=1)]
    retention: Literal["limits", "interest", "workqueue"] = "limits"
    storage: Literal["file", "memory"] = "file"
    replicas: Annotated[int, Field(ge=1, le=5)] = 1
    discard: Literal["old", "new"] = "old"
    max_bytes: Annotated[int, Field(ge=-1)] = -1
    max_age_seconds: Annotated[float, Field(ge=0)] = 0
    max_messages: Annotated[int, Field(ge=-1)] = -1
    max_message_bytes: Annotated[int, Field(ge=-1)] = -1
    duplicate_window_seconds: Annotated[float, Field(ge=0)] = 120


class NatsSpec(ServiceSpec):
    service: Literal["nats"]
    servers: Annotated[tuple[str, ...], Field(min_length=1)]
    user: str | None = None
    password: Secret | None = None
    streams: tuple[Stream, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_repeated("streams", (stream.name for stream in self.streams))
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password: give both or none")
        return self


class Client(Spec):
    """A client of the realm; a confidential one (`public` false) has a secret."""

    id: Name
    public: bool = True
    secret: Secret | None = None
    redirect_uris: tuple[str, ...] = ()
    web_origins: tuple[str, ...] = ()
    direct_grants: bool = False
    service_account: bool = False
    audience: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.public and self.secret is not None:
            raise ValueError("secret: a public client has none")
        if not self.public and self.secret is None:
            raise ValueError("secret: required for a client that is not public")
        if self.public and self.service_account:
            raise ValueError("service_account: needs a client that is not public")
        return self


class User(Spec):
    username: Annotated[str, StringConstraints(min_length=1, to_lower=True)]
    password: Secret
    password_version: str = "1"
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    roles: tuple[Name, ...] = ()
    client_roles: dict[str, tuple[Name, ...]] = Field(default_factory=dict)


class KeycloakSpec(ServiceSpec):
    service: Literal["keycloak"]
    url: HttpUrl
    user: Name
    password: Secret
    realm: Name
    display_name: str | None = None
    roles: tuple[Name, ...] = ()
    clients: tuple[Client, ...] = ()
    users: tuple[User, ...] = ()
    access_token_seconds: Annotated[int, Field(ge=30)] = 300
    session_idle_seconds: Annotated[int, Field(ge=60)] = 1800
    session_max_seconds: Annotated[int, Field(ge=60)] = 36000

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.realm == "master":
            raise ValueError("realm: must not be master, which administers the server")
        refuse_repeated("clients", (client.id for client in self.clients))
        refuse_repeated("users", (user.username for user in self.users))
        for index, user in enumerate(self.users):
            if unknown := sorted(set(user.roles) - set(self.roles)):
                raise ValueError(f"users[{index}].roles: {unknown[0]!r} is not among the declared roles")
        return self


class IcebergCatalogSpec(ServiceSpec):
    service: Literal["iceberg_catalog"]
    uri: HttpUrl
    warehouse: str | None = None
    namespaces: tuple[Annotated[str, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$")], ...]
    token: Secret | None = None
    credential: Secret | None = None
    oauth2_server_uri: HttpUrl | None = None
    scope: str | None = None


AnySpec = Annotated[
    PostgresSpec | ObjectStoreSpec | KafkaSpec | NatsSpec | KeycloakSpec | IcebergCatalogSpec | CheckSpec,
    Field(discriminator="service"),
]
SPEC: TypeAdapter[AnySpec] = TypeAdapter(AnySpec)
