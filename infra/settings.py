"""The stack's configuration, `nebula:platform`, as typed settings.

Unknown keys and wrong types are refused with the line of the stack file to fix. The JSON Schema of
the whole file is `stacks/platform.schema.json`; `python -m infra.settings` prints it anew.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, model_validator

from components.sizing import SIZES, Shape, Size, Sizing
from infra.cloud_settings import AwsSettings, KubernetesSettings
from infra.external_settings import External
from infra.gcp_settings import GcpSettings
from infra.model import BucketName, DatabaseName, HostName, Model, StreamName
from infra.projection_settings import ProjectionSettings, check_projections
from infra.stack_file import KEY, StackFile
from providers.local.ports import LARGEST_OFFSET

TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Exposable = Literal["trino", "keycloak", "iceberg_catalog", "object_store", "kafka"]
Workload = Literal[
    "postgres",
    "object_store",
    "kafka",
    "redis",
    "iceberg_catalog",
    "trino",
    "trino-worker",
    "spark-master",
    "spark-worker",
    "keycloak",
    "nats",
    "provisioner",
    "flights",
    "projections",
]
TagValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")]
CatalogName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


_MIDNIGHT = re.compile(r"(T00:00:00Z| 00:00:00 \+0000 UTC)$")


def _day(given: object) -> object:
    """A bare date in YAML is a point in time to some readers, the engine among them."""
    return date.fromisoformat(_MIDNIGHT.sub("", given)) if isinstance(given, str) else given


def _switch(given: object) -> object:
    """A bare `on` is true in YAML 1.1."""
    return "on" if given is True else given


Day = Annotated[date, BeforeValidator(_day)]
Power = Annotated[Literal["on", "parked"], BeforeValidator(_switch)]


class SettingsError(Exception):
    """The stack's configuration is wrong; the message says where and how to mend it."""


class Components(Model):
    """Which components run. What depends on one that is off says so at preview."""

    postgres: bool = True
    object_store: bool = True
    kafka: bool = True
    redis: bool = True
    iceberg_catalog: bool = True
    trino: bool = True
    spark: bool = True
    keycloak: bool = True
    nats: bool = True
    projections: bool = Field(default=True, description="those that are declared")

    @property
    def on(self) -> tuple[str, ...]:
        return tuple(name for name, enabled in self if enabled)


class TopicSettings(Model):
    """A Kafka topic: partitions may grow later, never shrink."""

    name: TopicName
    partitions: int = Field(default=1, ge=1, le=1000)
    config: dict[str, str] = Field(default_factory=dict, description="Kafka's own topic properties")


class StreamSettings(Model):
    """A JetStream stream and the subjects it keeps."""

    name: StreamName
    subjects: list[str] = Field(min_length=1)


class TrinoSettings(Model):
    catalogs: dict[CatalogName, dict[str, str]] = Field(
        default_factory=dict, description="further catalogs: name to connector properties"
    )


class KeycloakSettings(Model):
    redirect_uris: list[str] = Field(default_factory=lambda: ["http://127.0.0.1:*", "http://localhost:*"])
    test_client: bool = Field(default=False, description="a client with direct grants, for tests")


class LocalSettings(Model):
    """Where the local stack lives."""

    port_offset: int = Field(default=0, ge=0, le=LARGEST_OFFSET, description="added to every port")
    directory: str | None = Field(default=None, description="the stack's directory, absolute")
    keep_data: bool = Field(default=False, description="destroy keeps data and secrets")


class ShapeSettings(Model):
    """What a workload has instead of what the size gives it. A heap that is not given keeps its part of
    the memory."""

    cpu: float | None = Field(default=None, gt=0, description="cores, at most")
    memory: int | None = Field(default=None, ge=64, description="MiB")
    heap: int | None = Field(default=None, ge=32, description="MiB of a JVM")
    volume: int | None = Field(default=None, ge=1, description="GiB")
    replicas: int | None = Field(default=None, ge=0, le=99)
    max_replicas: int | None = Field(default=None, ge=0, le=99)

    def applied(self, shape: Shape) -> Shape:
        given = {name: value for name, value in self if value is not None}
        if self.memory is not None and self.heap is None:
            given["heap"] = shape.heap * self.memory // shape.memory
        return replace(shape, **given)


class BudgetSettings(Model):
    """What machines the stack may have, for the policies."""

    instances: int = Field(ge=0, description="in all, as many as there may be")
    types: list[str] = Field(min_length=1, description="patterns of instance types: db.t4g.*")


class PolicySettings(Model):
    """What the policy pack (docs/policies.md) holds the stack to."""

    regions: list[str] = Field(default_factory=list, description="the cloud's own region if not given")
    budget: BudgetSettings | None = Field(default=None, description="the size's if not given")


class Settings(Model):
    """Everything that a stack says of its platform."""

    cloud: Literal["local", "kubernetes", "aws", "gcp"]
    size: Size = "laptop"
    sizing: dict[Workload, ShapeSettings] = Field(
        default_factory=dict, description="workloads that differ from the size"
    )
    components: Components = Field(default_factory=Components)
    demo: bool = Field(default=False, description="run the flights pipeline")
    topics: list[TopicSettings] = Field(default_factory=list)
    buckets: list[BucketName] = Field(default_factory=list, description="beside the platform's own")
    databases: list[DatabaseName] = Field(default_factory=list, description="beside the services' own")
    streams: list[StreamSettings] = Field(default_factory=list)
    projections: list[ProjectionSettings] = Field(default_factory=list)
    trino: TrinoSettings = Field(default_factory=TrinoSettings)
    keycloak: KeycloakSettings = Field(default_factory=KeycloakSettings)
    expose: dict[Exposable, HostName] = Field(
        default_factory=dict,
        description="components reached from outside, each at a host name",
    )
    external: External = Field(default_factory=External, description="servers of the user's own")
    policy: PolicySettings = Field(default_factory=PolicySettings)
    local: LocalSettings = Field(default_factory=LocalSettings)
    kubernetes: KubernetesSettings = Field(
        default_factory=KubernetesSettings, description="how the platform uses its cluster, on any cloud"
    )
    aws: AwsSettings | None = Field(default=None, description="for cloud: aws")
    gcp: GcpSettings | None = Field(default=None, description="for cloud: gcp")
    owner: TagValue | None = Field(default=None, description="who answers for the stack: a tag or label")
    cost_centre: TagValue | None = Field(default=None, description="who pays for it: a tag or label")
    ttl: Day | None = Field(default=None, description="the day when the stack should be gone")
    power: Power = Field(default="on", description="parked keeps data and state, and drops compute")

    @property
    def exposed(self) -> dict[str, str]:
        """The host name of each exposed component."""
        return {str(name): host for name, host in self.expose.items()}

    @property
    def on(self) -> tuple[str, ...]:
        """The components that are on; projections are where there are any."""
        return tuple(name for name in self.components.on if name != "projections" or self.projections)

    @property
    def run(self) -> tuple[str, ...]:
        """The components that the platform runs itself."""
        return tuple(name for name in self.on if name not in self.external.components)

    @property
    def managed(self) -> frozenset[str]:
        """The components that the cloud serves instead of pods."""
        return frozenset({"postgres", "object_store"} if self.cloud in ("aws", "gcp") else ())

    def mirror(self, stack: str) -> str | None:
        """Where all images of the stack are, None for their own registries."""
        of_the_cloud = {"aws": self.aws, "gcp": self.gcp}.get(self.cloud)
        if self.kubernetes.images.mirror is None and of_the_cloud is not None:
            return of_the_cloud.registry(stack)
        return self.kubernetes.images.mirror

    @property
    def shapes(self) -> Sizing:
        """The shape of each workload."""
        table = SIZES[self.size]
        given: Sizing = {name: override.applied(table[name]) for name, override in self.sizing.items()}
        return {**table, **given}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        on = (*self.on, *(["flights"] if self.demo else []))
        self.external.require(on, self.databases, self.buckets, self.expose)
        for cloud, given in (("aws", self.aws), ("gcp", self.gcp)):
            if self.cloud == cloud and given is None:
                raise ValueError(f"cloud {cloud} needs {cloud}: say there where the stack is to be")
        if self.cloud in ("aws", "gcp") and (self.kubernetes.context or self.kubernetes.kubeconfig):
            raise ValueError(
                f"kubernetes.context and .kubeconfig name a cluster; cloud {self.cloud} makes its own"
            )
        self.kubernetes.require(self.exposed)
        check_projections(self.projections, [stream.name for stream in self.streams])
        for name, shape in self.shapes.items():
            if shape.heap and shape.heap >= shape.memory:
                raise ValueError(f"sizing.{name}: a heap of {shape.heap} MiB does not fit {shape.memory} MiB")
            if self.cloud == "local" and shape.replicas > 1:
                raise ValueError(f"{name} has {shape.replicas} replicas: cloud local runs one: change size")
        return self


def parse(document: str | None, stack_file: StackFile) -> Settings:
    """The settings in `document`, the JSON of `nebula:platform`.

    Raises SettingsError, which names every wrong key, its line and what is allowed.
    """
    if unknown := stack_file.unknown_keys():
        raise SettingsError(
            f"{stack_file.path.name}: {', '.join(unknown)} is not a setting of Nebula; all are below {KEY}"
        )
    if document is None:
        raise SettingsError(
            f"{stack_file.path.name} has no {KEY}: start from stacks/Pulumi.local.template.yaml"
        )
    try:
        return Settings.model_validate_json(document)
    except ValidationError as error:
        lines = [_explain(detail, stack_file) for detail in error.errors(include_url=False)]
        raise SettingsError("the stack's configuration is not valid\n  " + "\n  ".join(lines)) from None


def _explain(detail: Mapping[str, Any], stack_file: StackFile) -> str:
    key = tuple(detail["loc"]) + tuple(detail.get("ctx", {}).get("key", ()))
    message = str(detail["msg"])
    if detail["type"] == "extra_forbidden":
        known = _fields(key[:-1])
        close = get_close_matches(str(key[-1]), known, n=1)
        message = (
            f"unknown key; did you mean {close[0]}?" if close else f"unknown key; known: {', '.join(known)}"
        )
    elif detail["type"].endswith("_type") or detail["type"].startswith("literal"):
        message = f"{message}, got {_shown(key, detail['input'])}"
    elif detail["type"] == "string_pattern_mismatch":
        message = f"{_shown(key, detail['input'])} is not a valid name ({detail['ctx']['pattern']})"
    return f"{stack_file.where(key)}: {message}"


def _shown(key: tuple[str | int, ...], given: object) -> str:
    """What was given, but its type alone where it may hold a secret."""
    hidden = key[:1] == ("external",) or isinstance(given, dict | list)
    return type(given).__name__ if hidden else json.dumps(given)


def _fields(key: tuple[str | int, ...]) -> list[str]:
    """The field names of the model that `key` leads to."""
    schema: dict[str, Any] = Settings.model_json_schema()
    node: dict[str, Any] = schema
    for part in key:
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
        for choice in (node, *node.get("anyOf", ())):
            if reference := choice.get("$ref"):
                node = schema["$defs"][re.sub(r"^#/\$defs/", "", reference)]
    return sorted(node.get("properties", {}))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a whole stack file, for editors."""
    schema = Settings.model_json_schema()
    definitions = schema.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Nebula stack file",
        "type": "object",
        "properties": {
            "config": {"type": "object", "properties": {KEY: schema}, "required": [KEY]},
        },
        "required": ["config"],
        "$defs": definitions,
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
