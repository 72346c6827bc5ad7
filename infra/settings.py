"""The stack's configuration, `nebula:platform`, as typed settings.

An unknown key or a wrong type is refused with the line of the stack file to fix.
`stacks/platform.schema.json` is the JSON Schema of the whole file; `python -m infra.settings` prints it.
"""

import json
from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    create_model,
    model_validator,
)

from components.declaration import Declaration
from components.sizing import Size, Sizing
from infra.cloud_settings import AwsSettings, KubernetesSettings, check_sections
from infra.declared import LOCAL_PORTS, SIZES, ExposableName, WorkloadName
from infra.external_settings import External
from infra.gcp_settings import GcpSettings
from infra.lakehouse import DECLARATIONS
from infra.model import BucketName, DatabaseName, HostName, Model, problem, refuse_repeated
from infra.projection_settings import ProjectionSettings, check_projections
from infra.settings_errors import explain
from infra.sizing_settings import WorkloadSizeSettings, check_sizing
from infra.stack_file import KEY, SettingsError, StackFile
from infra.stream_settings import StreamSettings, check_streams
from infra.topic_settings import Brokers, TopicSettings, check_topics
from infra.trino_settings import TrinoSettings
from infra.ttl import day_of
from providers.limits import LIMITS, Limits
from providers.local.paths import stack_directory_problem

__all__ = ["Settings", "SettingsError", "json_schema", "parse"]

TagValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")]


def _day(given: object) -> object:
    """Returns the day that a text names; other values are returned unchanged."""
    return day_of(given) if isinstance(given, str) else given


def _switch(given: object) -> object:
    """Returns `on` for True, since YAML 1.1 reads the word `on` as true."""
    return "on" if given is True else given


def _directory(given: str) -> str:
    if trouble := stack_directory_problem(given):
        raise ValueError(f"{given} {trouble}")
    return given


def _redirect(uri: str) -> str:
    scheme = uri.partition(":")[0].lower()
    if scheme in ("javascript", "data", "vbscript"):
        raise ValueError(f"{scheme}: is no place to send a browser back to: write an https URL")
    return uri


def _own_database(name: str) -> str:
    if name in _TAKEN_DATABASES or name.startswith("pg_"):
        raise ValueError(f"{name} is a name that Postgres (or a cloud's) keeps to itself: choose another")
    return name


def _exposed(host: str) -> str:
    if host.rpartition(".")[2].isdecimal():
        raise ValueError(f"{host} is an address: routes and certificates are for a name")
    return host


ExposedName = Annotated[HostName, AfterValidator(_exposed)]
_TAKEN_DATABASES = frozenset(
    {"postgres", "template0", "template1", "none", "public", "rdsadmin", "cloudsqladmin"}
)
OwnDatabaseName = Annotated[DatabaseName, AfterValidator(_own_database)]
RedirectUri = Annotated[
    str,
    # No fragment, and `*` as the last character alone: as Keycloak reads them.
    StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s#*\x00-\x1f\x7f]+\*?$", max_length=255),
    AfterValidator(_redirect),
]
Day = Annotated[date, BeforeValidator(_day)]
Power = Annotated[Literal["on", "parked"], BeforeValidator(_switch)]
Directory = Annotated[str, AfterValidator(_directory)]


class ComponentSwitches(Model):
    """Says which components run. A component that needs another one which is off is refused."""

    @property
    def on(self) -> tuple[str, ...]:
        """Returns the components that are switched on."""
        return tuple(name for name, enabled in self if enabled)


if TYPE_CHECKING:
    Components = ComponentSwitches
else:
    Components = create_model(
        "Components",
        __base__=ComponentSwitches,
        __doc__="Which components run. What depends on one that is off says so at preview.",
        **{
            each.name: (bool, Field(default=True, description=each.description or None))
            for each in DECLARATIONS
            if each.switchable
        },
    )
"""A switch for each component that the declarations name."""


class KeycloakSettings(Model):
    redirect_uris: list[RedirectUri] = Field(
        default_factory=lambda: ["http://127.0.0.1:*", "http://localhost:*"]
    )
    test_client: bool = Field(default=False, description="a client with direct grants, for tests")


class LocalSettings(Model):
    """Says which directory and ports the local stack uses."""

    port_offset: int = Field(
        default=0, ge=0, le=LOCAL_PORTS.largest_offset, description="added to every port"
    )
    directory: Directory | None = Field(default=None, description="the stack's directory, absolute")
    keep_data: bool = Field(default=False, description="destroy keeps data and secrets")


class BudgetSettings(Model):
    """Limits the machines that the stack may have; the policies check it."""

    instances: int = Field(ge=0, description="in all, as many as there may be")
    types: list[str] = Field(min_length=1, description="patterns of instance types: db.t4g.*")


class PolicySettings(Model):
    """Configures the checks of the policy pack (docs/policies.md)."""

    regions: list[str] = Field(default_factory=list, description="the cloud's own region if not given")
    budget: BudgetSettings | None = Field(default=None, description="the size's if not given")


class Settings(Model):
    """Holds all settings of a stack's platform."""

    cloud: Literal["local", "kubernetes", "aws", "gcp"]
    size: Size = "laptop"
    sizing: dict[WorkloadName, WorkloadSizeSettings] = Field(
        default_factory=dict, description="workloads that differ from the size"
    )
    components: Components = Field(default_factory=Components)
    demo: bool = Field(default=False, description="run the flights pipeline")
    topics: list[TopicSettings] = Field(default_factory=list)
    buckets: list[BucketName] = Field(default_factory=list, description="beside the platform's own")
    databases: list[OwnDatabaseName] = Field(default_factory=list, description="beside the services' own")
    streams: list[StreamSettings] = Field(default_factory=list)
    projections: list[ProjectionSettings] = Field(default_factory=list)
    trino: TrinoSettings = Field(default_factory=TrinoSettings)
    keycloak: KeycloakSettings = Field(default_factory=KeycloakSettings)
    expose: dict[ExposableName, ExposedName] = Field(
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
        """Returns the host name of each exposed component."""
        return {str(name): host for name, host in self.expose.items()}

    @property
    def active(self) -> tuple[Declaration, ...]:
        """Returns the declarations of all parts of the stack: components, the provisioner and the demo."""
        switched_on = self.components.on
        return tuple(
            each
            for each in DECLARATIONS
            if (each.name in switched_on or not each.switchable)
            and (not each.only_with or getattr(self, each.only_with))
        )

    @property
    def on(self) -> tuple[str, ...]:
        """Returns the components that are on, with `projections` if the stack file declares any."""
        return tuple(each.name for each in self.active if each.switchable)

    @property
    def self_hosted(self) -> tuple[str, ...]:
        """Returns the components that are on and run by the platform itself."""
        return tuple(name for name in self.on if name not in self.external.components)

    @property
    def limits(self) -> Limits:
        """The limits of the stack's cloud: the sections that it reads, the components that it serves,
        what it cannot run."""
        return LIMITS[self.cloud]

    def mirror(self, stack: str) -> str | None:
        """The registry path of all images of `stack`; None where each is in its own registry."""
        if self.kubernetes.images.mirror is None and (account := self._account) is not None:
            return account.registry(stack)
        return self.kubernetes.images.mirror

    @property
    def workload_sizes(self) -> Sizing:
        """Returns the size of each workload, with the stack file's changes."""
        table = SIZES[self.size]
        changed: Sizing = {name: override.applied(table[name]) for name, override in self.sizing.items()}
        return {**table, **changed}

    @property
    def _account(self) -> AwsSettings | GcpSettings | None:
        """Returns the section of the cloud account that the stack is in."""
        account: AwsSettings | GcpSettings | None = getattr(self, self.limits.required or "aws")
        return account

    @property
    def _brokers(self) -> Brokers:
        if (external := self.external.kafka) is None:
            return Brokers(ours=True, replicas=self.workload_sizes["kafka"].replicas)
        return Brokers(ours=False, replicas=external.replication_factor if external.create_topics else None)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        active, limits = [each.name for each in self.active], self.limits
        check_sections(self.cloud, self.model_fields_set)
        self.external.require(active, self.databases, self.buckets, self.expose)
        if limits.required and self._account is None:
            raise ValueError(
                f"cloud {self.cloud} needs {limits.required}: say there where the stack is to be"
            )
        if limits.makes_cluster and (self.kubernetes.context or self.kubernetes.kubeconfig):
            raise ValueError(
                f"kubernetes.context and .kubeconfig name a cluster; cloud {self.cloud} makes its own"
            )
        for name in self.expose:
            if name not in active:
                raise problem(("expose", name), f"components.{name} is off: turn it on, or remove this")
        self._check_needs(active)
        self.kubernetes.require(self.exposed)
        refuse_repeated(("buckets",), self.buckets, "bucket")
        refuse_repeated(("databases",), self.databases, "database")
        check_streams(self.streams)
        streams = {stream.name: stream.subjects for stream in self.streams}
        check_projections(self.projections, streams, on_one_machine=limits.one_machine)
        check_sizing(
            self.cloud,
            dict(self.sizing.items()),
            self.workload_sizes,
            [name for name in active if name not in self.external.components],
        )
        check_topics(self.topics, self._brokers)
        return self

    def _check_needs(self, active: Collection[str]) -> None:
        """Raises an error if a component needs one that is off."""
        for each in self.active:
            for needed in each.needs if each.name not in self.external.components else ():
                if needed not in active:
                    switch = each.name if each.switchable else each.only_with
                    raise problem(
                        ("components", needed),
                        f"{each.name} needs {needed}, which is off: turn it on, or turn off {switch} too",
                    )


def parse(document: str | None, stack_file: StackFile) -> Settings:
    """Returns the settings in `document`, the JSON of `nebula:platform`.

    Raises SettingsError, which names every wrong key, its line and the allowed values.
    """
    if unknown := stack_file.unknown_keys():
        raise SettingsError(f"{'; '.join(unknown)} is not a setting of Nebula; all are below {KEY}")
    if document is None:
        raise SettingsError(f"{stack_file.name} has no {KEY}: start from stacks/Pulumi.local.template.yaml")
    try:
        return Settings.model_validate_json(document)
    except ValidationError as error:
        lines = [explain(detail, stack_file, Settings) for detail in error.errors(include_url=False)]
        raise SettingsError("the stack's configuration is not valid\n  " + "\n  ".join(lines)) from None


def json_schema() -> dict[str, Any]:
    """Returns the JSON Schema of a whole stack file, for editors."""
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
