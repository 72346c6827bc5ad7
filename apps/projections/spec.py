"""What a projection service is told: the spec, and the manifest of projections that it names.

A variable of the environment stands above the file: `NEBULA_PROJECTIONS_NATS__PASSWORD` sets `nats.password`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, TypeAdapter, model_validator

from apps.kit.settings import Spec
from apps.kit.settings import load as load_file
from apps.projections.generations.states import EventSource
from apps.projections.nats_connection import Login
from apps.projections.queries import QueryBounds
from apps.projections.query_limiter import ConcurrencyLimits
from apps.projections.sandbox.limits import Limits

PREFIX = "NEBULA_PROJECTIONS_"
# A cluster sets variables of its own for each service: PROJECTIONS_CARRIERS_ALL_PORT.
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
_ShardName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,16}$")]
_StreamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_TOKEN = r"[^\s.*>\x00-\x1f\x7f]+"
_Subject = Annotated[str, StringConstraints(pattern=rf"^((\*|{_TOKEN})\.)*(\*|>|{_TOKEN})$")]

_Field = Annotated[str, StringConstraints(pattern=r'^[^."\\\x00-\x1f]+(\.[^."\\\x00-\x1f]+)*$')]


class Projection(Spec):
    """One shard of one view: which events it is made of, and by what program.

    The tenant of an event must be the token at `tenant_token` of its subject, counted from 0; without it,
    what the event says of itself is believed. `fields` are what the program reads of an event, all of it when
    there are none.
    """

    view: _Name
    shard: _ShardName = "all"
    stream: _StreamName
    subjects: tuple[_Subject, ...] = Field(min_length=1)
    tenant_token: int | None = Field(default=None, ge=0, le=15)
    fields: tuple[_Field, ...] = ()
    program: str = Field(min_length=1)
    batch: int = Field(default=2000, ge=1, le=100_000)
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _tenants(self) -> Self:
        if (number := self.tenant_token) is not None:
            for subject in self.subjects:
                tokens = subject.split(".")
                if tokens[-1] != ">" and number >= len(tokens):
                    raise ValueError(f"tenant_token: {subject} has no token {number}, counted from 0")
        return self

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for field in self.fields:
            for other in self.fields:
                if field.startswith(f"{other}."):
                    raise ValueError(f"fields: {field} is a part of {other}: remove one of them")
        return self

    @property
    def source(self) -> EventSource:
        """The events that the views are built from. Their order in the file does not matter."""
        return EventSource(
            self.stream, tuple(sorted(self.subjects)), self.tenant_token, tuple(sorted(self.fields))
        )


class Manifest(Spec):
    """The projections of one service."""

    projections: tuple[Projection, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        views = [projection.view for projection in self.projections]
        if repeated := sorted({view for view in views if views.count(view) > 1}):
            raise ValueError(f"projections: {', '.join(repeated)} is declared twice")
        return self


class NatsSpec(Spec):
    servers: tuple[str, ...] = Field(min_length=1)
    user: str = ""
    password: SecretStr = SecretStr("")

    @property
    def login(self) -> Login:
        return Login(self.servers, self.user, self.password.get_secret_value())


class Listen(Spec):
    """`names` are what the service is called by its clients: it answers to no others, but to addresses.
    Beyond `connections` the oldest is closed for a new one, first of those that ask nothing."""

    host: str
    port: int = Field(ge=1, le=65535)
    names: tuple[str, ...] = ()
    connections: int = Field(default=200, ge=8)


class QueryLimits(Spec):
    """Of one query: views in an answer and bytes of them, conditions, views and bytes of them that it may
    look at, seconds that it may run, and seconds in which its answer must be read. Of all: how many run at
    once, how many of one tenant run or are being read, and how many of a tenant may wait for that, each as
    many seconds as one may run."""

    results: int = Field(default=1000, ge=1)
    size: int = Field(default=8 << 20, ge=1)
    conditions: int = Field(default=16, ge=0)
    scan: int = Field(default=100_000, ge=1)
    read: int = Field(default=QueryBounds.read, ge=1)
    seconds: float = Field(default=QueryBounds.seconds, gt=0)
    sending: float = Field(default=30.0, gt=0)
    at_once: int = Field(default=ConcurrencyLimits.at_once, ge=1)
    of_tenant: int = Field(default=ConcurrencyLimits.of_tenant, ge=1)
    waiting: int = Field(default=ConcurrencyLimits.waiting, ge=0)

    @property
    def bounds(self) -> QueryBounds:
        return QueryBounds(scan=self.scan, size=self.size, read=self.read, seconds=self.seconds)

    @property
    def concurrency(self) -> ConcurrencyLimits:
        return ConcurrencyLimits(self.at_once, self.of_tenant, self.waiting, self.seconds)


class ServiceSpec(Spec):
    """`directory` holds the stores; `manifest` is the file of projections, `key`
    what tenants' tokens are made of, `drain_seconds` how long work in hand may take after SIGTERM."""

    nats: NatsSpec
    listen: Listen
    directory: Path
    manifest: Path
    key: Annotated[SecretStr, Field(min_length=16)]
    queries: QueryLimits = QueryLimits()
    drain_seconds: float = Field(default=20, gt=0)


def read(path: Path, environment: Mapping[str, str] = os.environ) -> tuple[ServiceSpec, Manifest]:
    """Reads the spec at `path`, and the manifest that it names. Raises SpecError, which names each wrong
    key."""
    spec = load_file(path, TypeAdapter(Annotated[ServiceSpec, BeforeValidator(_over(environment))]))
    return spec, load_file(spec.manifest, TypeAdapter(Manifest))


def _over(environment: Mapping[str, str]) -> Any:
    given = {
        tuple(name.removeprefix(PREFIX).lower().split("__")): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }

    def overridden(content: object) -> object:
        if not isinstance(content, dict):
            return content
        result = dict(content)
        for (*parents, last), value in given.items():
            node = result
            for parent in parents:
                inner = node.get(parent)
                node[parent] = node = dict(inner) if isinstance(inner, dict) else {}
            node[last] = _value(value)
        return result

    return overridden


def _value(text: str) -> object:
    """Lists are written as JSON."""
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
