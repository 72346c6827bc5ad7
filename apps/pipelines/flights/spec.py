"""The spec of a run; README.md documents each key."""

from pathlib import Path

from pydantic import Field, SecretStr, TypeAdapter

from apps.kit.settings import Spec


class ObjectStore(Spec):
    """An S3 API. `endpoint` is `host:port`, `ca_file` the issuer's certificates in a PEM file: Java's
    clients trust those that its own store holds."""

    endpoint: str
    tls: bool = False
    ca_file: str | None = None
    path_style: bool = True
    region: str = "us-east-1"
    access_key: str
    secret_key: SecretStr

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.endpoint}"


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
