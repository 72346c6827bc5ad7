"""The spec of a run; README.md documents each key."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, TypeAdapter, model_validator

from apps.kit.settings import Spec


class ObjectStore(Spec):
    """An S3 API, or Google's own (`gs`). `endpoint` is `host:port`, `ca_file` the issuer's certificates in
    a PEM file: Java's clients trust those that its own store holds. Without a key, clients take the
    credential of their environment."""

    protocol: Literal["s3", "gs"] = "s3"
    endpoint: str
    tls: bool = False
    ca_file: str | None = None
    path_style: bool = True
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: SecretStr | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.endpoint}"

    @property
    def key(self) -> tuple[str, str] | None:
        """The access key and its secret."""
        if self.access_key is None or self.secret_key is None:
            return None
        return self.access_key, self.secret_key.get_secret_value()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("give access_key and secret_key together, or neither")
        if self.protocol == "gs" and self.access_key is not None:
            raise ValueError("protocol gs has no access_key: its clients are known by their identity")
        return self


class Buckets(Spec):
    """The names of the buckets in use."""

    bronze: str = "bronze"


class Catalog(Spec):
    """An Iceberg REST catalog; `properties` are further properties of Iceberg's client."""

    uri: str
    warehouse: str
    properties: dict[str, str] = Field(default_factory=dict)


class Spark(Spec):
    """A Spark cluster, and how its executors reach the driver, which is this process."""

    master: str
    driver_host: str
    driver_bind: str | None = None
    driver_port: int = Field(default=0, ge=0, le=65535)
    block_manager_port: int = Field(default=0, ge=0, le=65535)
    auth_secret: SecretStr | None = None
    conf: dict[str, str] = Field(default_factory=dict)


class Trino(Spec):
    """The Trino that answers; `catalog` is its name for the REST catalog."""

    host: str
    port: int = Field(ge=1, le=65535)
    user: str
    catalog: str = "lakehouse"


class FlightsSpec(Spec):
    """Everything that a run talks to. `work` is a directory for Spark's files."""

    object_store: ObjectStore
    buckets: Buckets = Buckets()
    catalog: Catalog
    spark: Spark
    trino: Trino
    work: Path | None = None


SPEC = TypeAdapter(FlightsSpec)
