"""The settings of a site's own servers, `external` in the stack file."""

import re
from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, WithJsonSchema, model_validator

from infra.declared import BUCKETS, DATABASES, EXTERNAL_KEYS, STORE_IDENTITIES, StoreIdentity
from infra.model import (
    BucketName,
    DatabaseName,
    HostName,
    HostPortText,
    IssuerUrl,
    Model,
    OriginUrl,
    Port,
    problem,
)

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
# It stands in files of Java properties, of expressions in braces, and in templates of ours.
_UNSAFE = re.compile(r"[^!-~]|[\\${}]")


def _safe(secret: SecretStr) -> SecretStr:
    if _UNSAFE.search(secret.get_secret_value()) or not secret.get_secret_value():
        raise ValueError(
            "must be of printable ASCII characters other than space, \\, $, { and }: choose another"
        )
    return secret


def _certificates(text: str) -> str:
    found = _CERTIFICATE.findall(text)
    if not found:
        raise ValueError("must be certificates in PEM: -----BEGIN CERTIFICATE----- …")
    # Imported when there is one: it takes a tenth of a second.
    from cryptography import x509

    for number, certificate in enumerate(found, 1):
        try:
            x509.load_pem_x509_certificate(certificate.encode())
        except ValueError as error:
            raise ValueError(f"certificate {number} cannot be read: {error}") from error
    return "".join(f"{certificate}\n" for certificate in found)


Secret = Annotated[
    SecretStr,
    AfterValidator(_safe),
    WithJsonSchema(
        {
            "description": "pulumi config set --secret --path 'nebula:platform.external…'",
            "anyOf": [
                {"type": "string", "format": "password"},
                {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]},
            ],
        }
    ),
]
UserName = Annotated[str, StringConstraints(pattern=r"^[!#%-\[\]-z|~]{1,255}$")]
Certificates = Annotated[str, AfterValidator(_certificates)]
S3BucketName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]|\.[a-z0-9]){1,61}[a-z0-9]$", max_length=63)
]


class Login(Model):
    username: UserName
    password: Secret


class DatabaseLogin(Login):
    """Holds the login of a database's owner."""

    name: DatabaseName | None = Field(default=None, description="the database's own name, if another")


class ExternalPostgres(Model):
    """A Postgres server: its databases with their owners, or an administrator who creates them."""

    host: HostName
    port: Port = 5432
    tls: Literal["disabled", "required", "verify-full"] = "verify-full"
    ca: Certificates | None = Field(default=None, description="the issuer's certificates, PEM")
    databases: dict[DatabaseName, DatabaseLogin] = Field(default_factory=dict)
    admin: Login | None = Field(default=None, description="may create databases and roles")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.databases) == (self.admin is not None):
            raise ValueError("give either databases, each with its owner, or admin, who creates them")
        if (self.tls == "verify-full") != (self.ca is not None):
            raise ValueError("tls: verify-full needs ca, the issuer's certificates; other modes have none")
        return self


class AccessKey(Model):
    access_key: UserName
    secret_key: Secret


class ExternalObjectStore(Model):
    """An S3 API, with one key for all services or one for each."""

    url: OriginUrl
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")] = "us-east-1"
    path_style: bool = Field(default=True, description="buckets in the path; false: in the host name")
    ca: Certificates | None = Field(
        default=None, description="the issuer's certificates, PEM; Java's clients trust no others"
    )
    buckets: dict[BucketName, S3BucketName] = Field(
        default_factory=dict, description="a bucket's own name, where it is another than ours"
    )
    access_key: UserName | None = None
    secret_key: Secret | None = None
    services: dict[StoreIdentity, AccessKey] = Field(
        default_factory=dict, description="services with keys of their own"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("give access_key and secret_key together")
        if self.ca is not None and not self.url.startswith("https://"):
            raise ValueError("ca is for an https url")
        return self


class Sasl(Login):
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"


class Encrypted(Model):
    """A server that is reached over TLS unless `tls` is disabled."""

    tls: Literal["disabled", "verify-full"] = "verify-full"
    ca: Certificates | None = Field(default=None, description="PEM; a public issuer if not given")

    @model_validator(mode="after")
    def _verified(self) -> Self:
        if self.ca is not None and self.tls == "disabled":
            raise ValueError("ca is for tls: verify-full")
        return self


class ExternalKafka(Encrypted):
    """A Kafka cluster, with every broker's advertised address."""

    bootstrap_servers: list[HostPortText] = Field(min_length=1)
    sasl: Sasl | None = None
    create_topics: bool = Field(default=True, description="false: the topics exist, and are checked")
    replication_factor: int = Field(default=3, ge=1, le=99, description="of topics that are created")


class ExternalRedis(Encrypted):
    """A Redis server and a user of it."""

    host: HostName
    port: Port = 6379
    username: UserName = "default"
    password: Secret


class ExternalOidc(Model):
    """An OpenID Connect issuer, written exactly as in its discovery document."""

    issuer: IssuerUrl
    client: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    ca: Certificates | None = Field(default=None, description="PEM; a public issuer if not given")


class External(Model):
    """A site's own servers: the platform checks and uses them, and never runs them."""

    postgres: ExternalPostgres | None = None
    object_store: ExternalObjectStore | None = None
    kafka: ExternalKafka | None = None
    redis: ExternalRedis | None = None
    oidc: ExternalOidc | None = Field(default=None, description="instead of Keycloak")

    @property
    def components(self) -> tuple[str, ...]:
        """The names of the components that the site's own servers replace."""
        return tuple(name for name, key in EXTERNAL_KEYS.items() if getattr(self, key) is not None)

    def require(
        self,
        on: Collection[str],
        databases: Collection[str],
        buckets: Collection[str],
        exposed: Collection[str],
    ) -> None:
        """Raises PydanticCustomError if the servers lack something that the components and the demo in
        `on`, or the stack file's own `databases`, need, or if a setting is for a component that is
        off or exposed."""
        for name in self.components:
            if name not in on:
                raise problem(
                    ("external", EXTERNAL_KEYS[name]), f"components.{name} is off: turn it on, or remove this"
                )
            if name in exposed:
                raise problem(
                    ("external", EXTERNAL_KEYS[name]),
                    f"expose.{name} is for a server that the platform runs: remove either",
                )
        run = set(on) - set(self.components)
        if self.postgres is not None and self.postgres.admin is None:
            needed = dict.fromkeys((*(name for name in DATABASES if name in run), *databases))
            if missing := [name for name in needed if name not in self.postgres.databases]:
                raise problem(
                    ("external", "postgres", "databases"),
                    f"lacks {', '.join(missing)}: add each, or give admin instead",
                )
        if (store := self.object_store) is not None:
            known = (*BUCKETS, *buckets)
            if unknown := [name for name in store.buckets if name not in known]:
                raise problem(
                    ("external", "object_store", "buckets", unknown[0]),
                    f"no bucket of ours; those are {', '.join(known)}",
                )
            missing = [name for name in STORE_IDENTITIES if name in run and name not in store.services]
            if missing and store.access_key is None:
                raise problem(
                    ("external", "object_store", "services"),
                    f"lacks {', '.join(missing)}: add a key for each, or access_key and secret_key for all",
                )
