"""Servers that somebody else runs, as a spec gives them to be checked."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from apps.kit.settings import Spec
from apps.provisioner.fields import (
    HostPort,
    KafkaConnection,
    Name,
    Port,
    RequireAuth,
    Secret,
    ServiceSpec,
    SslMode,
)


class Given(Spec):
    """A server that somebody else runs; `key` is where the platform was told of it."""

    key: Name
    ca_file: str | None = None


class GivenDatabase(Given):
    """A login to a database, to own it or to administer the server."""

    kind: Literal["postgres"]
    host: Name
    port: Port = 5432
    user: Name
    password: Secret
    database: Name
    sslmode: SslMode = "prefer"
    require_auth: RequireAuth | None = None
    access: Literal["own", "administer"] = "own"


class GivenBuckets(Given):
    """Buckets that a key may list."""

    kind: Literal["object_store"]
    endpoint: HostPort
    tls: bool = False
    region: Name = "us-east-1"
    path_style: bool = True
    access_key: Name
    secret_key: Secret
    buckets: Annotated[tuple[Name, ...], Field(min_length=1)]


class GivenKafka(KafkaConnection, Given):
    """Brokers, and topics that they have."""

    kind: Literal["kafka"]
    topics: tuple[Name, ...] = ()


class GivenRedis(Given):
    """A login to Redis."""

    kind: Literal["redis"]
    host: Name
    port: Port = 6379
    tls: bool = False
    user: Name = "default"
    password: Secret


class GivenIssuer(Given):
    """An OpenID Connect issuer, exactly as its discovery document names it."""

    kind: Literal["oidc"]
    issuer: Annotated[str, StringConstraints(pattern=r"^https?://")]


class CheckSpec(ServiceSpec):
    """Servers that somebody else runs: nothing is changed there."""

    service: Literal["check"]
    wait_seconds: Annotated[float, Field(gt=0)] = 30
    endpoints: tuple[
        Annotated[
            GivenDatabase | GivenBuckets | GivenKafka | GivenRedis | GivenIssuer, Field(discriminator="kind")
        ],
        ...,
    ]
