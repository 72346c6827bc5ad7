"""What the spec of more than one service has."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from apps.kit.settings import Spec

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Secret = Annotated[SecretStr, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
RequireAuth = Literal["scram-sha-256", "!password"]
"""Ways to log in to Postgres (libpq's `require_auth`): only by SCRAM, or by any that sends no password."""


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or "/" in value:
        raise ValueError("must be host:port")
    return value


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")


HostPort = Annotated[str, AfterValidator(_host_and_port)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


def refuse_repeated(key: str, names: Iterable[str]) -> None:
    """Raises ValueError when one of `names` is there twice."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{key}: {repeated[0]!r} is declared more than once")


class ServiceSpec(Spec):
    """What every spec has. `wait_seconds` bounds the wait for the server."""

    wait_seconds: Annotated[float, Field(gt=0)] = 120
    ca_file: str | None = None


class KafkaConnection(Spec):
    """How a client reaches Kafka."""

    bootstrap_servers: str
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: Secret | None = None
    ca_file: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for server in self.bootstrap_servers.split(","):
            try:
                _host_and_port(server.strip())
            except ValueError as error:
                raise ValueError(f"bootstrap_servers: each of the list {error}") from None
        if self.security_protocol.startswith("SASL") and not (self.username and self.password):
            raise ValueError(f"username and password: required with {self.security_protocol}")
        return self
