"""The settings of a projection service: its spec, and the manifest of projections that the spec names.

A variable of the environment overrides the file: `NEBULA_PROJECTIONS_NATS__PASSWORD` sets `nats.password`.
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
    """The declaration of one shard of one view: the events that it is built from, and the program that does
    it.

    `tenant_token` is the position of the tenant in the subject, counted from 0, which must be the event's own
    `tenant_id`; None if the event is believed. `fields` are the parts of an event that the program reads, all
    of it if there are none. `batch` is the largest number of events of one commit.
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
                    raise ValueError(f"tenant_token: subject {subject} has no token {number}, counted from 0")
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
            raise ValueError(f"projections: view {', '.join(repeated)} is declared twice: remove one")
        return self


class NatsSpec(Spec):
    """The servers of NATS, tried in their order, and the user to log in as; none if `user` is empty."""

    servers: tuple[str, ...] = Field(min_length=1)
    user: str = ""
    password: SecretStr = SecretStr("")

    @property
    def login(self) -> Login:
        """The same, as a connection takes it."""
        return Login(self.servers, self.user, self.password.get_secret_value())


class Listen(Spec):
    """The address that the service listens on, and the host names that it answers for.

    It answers requests for the hosts `names`, for localhost and for any address. Of more than `connections`
    it closes the oldest, first of those without a request.
    """

    host: str
    port: int = Field(ge=1, le=65535)
    names: tuple[str, ...] = ()
    connections: int = Field(default=200, ge=8)


class QueryLimits(Spec):
    """The limits of queries.

    One query returns at most `results` views and `size` bytes, has at most `conditions`, looks at most at
    `scan` views and `read` bytes of them, and runs at most `seconds`; its answer must be read within
    `sending` seconds. At most `at_once` queries run. Of one tenant at most `of_tenant` run or have their
    answers read, and at most `waiting` wait for that, each as long as one may run.
    """

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
        """The part of the limits that one query is held to while it runs."""
        return QueryBounds(scan=self.scan, size=self.size, read=self.read, seconds=self.seconds)

    @property
    def concurrency(self) -> ConcurrencyLimits:
        """The part of the limits that bounds how many queries run at once."""
        return ConcurrencyLimits(self.at_once, self.of_tenant, self.waiting, self.seconds)


class ServiceSpec(Spec):
    """The spec of a service.

    `directory` holds the stores and `manifest` is the file of projections. `key` makes the tenants' tokens.
    The workers have `drain_seconds` to finish their batches after SIGTERM.
    """

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
    spec = load_file(path, TypeAdapter(Annotated[ServiceSpec, BeforeValidator(_overridden_by(environment))]))
    return spec, load_file(spec.manifest, TypeAdapter(Manifest))


def _overridden_by(environment: Mapping[str, str]) -> Any:
    """A function that lays the variables of `environment` over the content of a spec."""
    variables = {
        tuple(name.removeprefix(PREFIX).lower().split("__")): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }

    def overridden(content: object) -> object:
        if not isinstance(content, dict):
            return content
        result = dict(content)
        for (*parents, last), value in variables.items():
            node = result
            for parent in parents:
                inner = node.get(parent)
                node[parent] = node = dict(inner) if isinstance(inner, dict) else {}
            node[last] = _value(value)
        return result

    return overridden


def _value(text: str) -> object:
    """The value of a variable: a list if it is written as JSON, else the text."""
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
