"""Defines the nouns that every component is built from: Endpoint, Link, Workload, Task, Cluster,
Secrets.

A component describes servers as workloads; the cluster that it is built on decides how they run. Nothing
here knows a cloud, reads configuration or touches a machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pulumi

from components.software.model import Software

_IMPLIED_PORTS = {"http": 80, "https": 443}
_SECURE = {"http": "https", "redis": "rediss"}


@dataclass(frozen=True)
class HostPort:
    """A host name or IP address and a TCP port. `tls` is true if the server at that port speaks TLS."""

    host: pulumi.Output[str]
    port: pulumi.Output[int]
    tls: bool = False

    @property
    def authority(self) -> pulumi.Output[str]:
        """Returns the text `host:port`."""
        return pulumi.Output.concat(self.host, ":", self.port.apply(lambda port: str(int(port))))

    def url(self, scheme: str = "http", path: str = "") -> pulumi.Output[str]:
        """Returns `scheme://host:port` and `path`. Over TLS, http becomes https and redis becomes
        rediss. The port that http or https implies is left out, since servers and clients write such
        URLs without it (issuers, signatures)."""
        secure = _SECURE.get(scheme, scheme) if self.tls else scheme
        implied = _IMPLIED_PORTS.get(secure)
        authority = pulumi.Output.all(self.host, self.port).apply(
            lambda known: known[0] if int(known[1]) == implied else f"{known[0]}:{int(known[1])}"
        )
        return pulumi.Output.concat(secure, "://", authority, path)


@dataclass(frozen=True)
class Address:
    """The addresses of a server: workloads connect to `inside`, people and clients beyond the cluster to
    `outside`. The two are the same on a laptop."""

    inside: HostPort
    outside: HostPort

    @property
    def exposed(self) -> bool:
        """Returns True if clients beyond the cluster have an address of their own."""
        return self.outside is not self.inside


@dataclass(frozen=True)
class Tls:
    """Says how a connection is secured. `ca` is the issuer's certificate in PEM, or None for a public
    issuer."""

    mode: Literal["disabled", "required", "verify-full"] = "disabled"
    ca: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class Anonymous:
    """Says that a client connects without authentication. SECURITY.md lists who does."""


@dataclass(frozen=True)
class Password:
    """A user (or access key) and its secret."""

    username: pulumi.Input[str]
    password: pulumi.Output[str]


@dataclass(frozen=True)
class WorkloadIdentity:
    """A cloud role that the workload's service account takes on: no static key."""

    role: pulumi.Input[str]


Auth = Anonymous | Password | WorkloadIdentity


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Holds everything that a client needs to connect to a capability.

    `component` is its name in the platform. `workloads` names the workloads that serve it; network policies
    open those. `external` has its addresses when it is beyond the cluster. A client starts only after the
    resources in `depends_on`.
    """

    component: str
    workloads: tuple[str, ...] = ()
    external: tuple[HostPort, ...] = ()
    depends_on: tuple[pulumi.Resource, ...] = ()
    tls: Tls = field(default_factory=Tls)
    auth: Auth = field(default_factory=Anonymous)

    @property
    def ca_file(self) -> str | None:
        """Returns the path (a template) of the issuer's certificates for a client, or None for a
        public issuer."""
        return None if self.tls.ca is None else f"{{run}}/{self.component}-ca.pem"

    @property
    def ca_files(self) -> Mapping[str, pulumi.Input[str]]:
        """Returns the issuer's certificates by file name, which a client needs among its files; empty for a
        public issuer."""
        return {} if self.tls.ca is None else {f"{self.component}-ca.pem": self.tls.ca}

    @property
    def public(self) -> Mapping[str, Any]:
        """The fields that the stack's output `endpoints` has for it, without credentials. Raises
        TypeError for an endpoint that is no output."""
        raise TypeError(f"{type(self).__name__} says nothing to the stack's users: give it `public`")

    @property
    def credentials(self) -> Mapping[str, Any]:
        """The fields that the stack's secret output `credentials` has for it."""
        return login_of(self.auth)


def login_of(auth: Auth) -> Mapping[str, Any]:
    """Returns the user name and the password of `auth`; empty for other ways to authenticate."""
    return {"username": auth.username, "password": auth.password} if isinstance(auth, Password) else {}


@dataclass(frozen=True)
class Link:
    """Declares that a program connects to `ports` of `target`: it starts after it, and network policies
    open those ports and no others.

    `ports` names ports of the target's workloads. A target beyond the cluster needs none: its addresses have
    port numbers. With `calls_back`, the target may also connect to every port of the program.
    """

    target: Endpoint
    ports: tuple[str, ...] = ()
    calls_back: bool = False


@dataclass(frozen=True)
class Http:
    """A probe that passes when GET `path` on `port` answers with `status`."""

    port: str
    path: str
    status: int = 200


@dataclass(frozen=True)
class Tcp:
    """A probe that passes when `port` accepts a connection."""

    port: str


@dataclass(frozen=True)
class Command:
    """A probe that passes when the command exits with 0. Its first word is an executable of the software."""

    command: tuple[str, ...]


Probe = Http | Tcp | Command


@dataclass(frozen=True)
class Readiness:
    """Says when a server is ready: `probe` must pass within `deadline` seconds of its start.

    `alive` is the probe that decides whether the server is restarted, where that is not `probe`: a server
    may wait for another one, and a restart would not help.
    """

    probe: Probe
    deadline: int = 180
    alive: Probe | None = None


@dataclass(frozen=True)
class Resources:
    """The resources of one replica: `cpu` in cores, `memory` in MiB, which is also its limit."""

    cpu: float
    memory: int


@dataclass(frozen=True)
class Volume:
    """A data volume of `size` GiB that is kept across restarts. The size is a request where storage is
    provisioned."""

    size: int


@dataclass(frozen=True, kw_only=True)
class Program:
    """The common part of Workload and Task: a program, described without saying where it runs.

    `command`, `env` and `files` are templates (components/templates.py). The first word of a command is an
    executable of the software. `files` maps a path below `{run}` to its content; `secret_files` and
    `secret_env` are kept secret; `binary_files` are in Base64 and are no templates. `ports` maps names to
    standard numbers, which a cluster may replace. The program runs again when one of `triggers` changes, for
    example the identity of the volume that it fills. It may write to `writable` paths and to its volume.
    `uses` lists further software that it needs, found at `{home.NAME}`. `executors` are replicas that it
    starts itself. A `parked` program keeps its name, volume and secrets, and does not run.
    """

    name: str
    software: Software
    command: tuple[pulumi.Input[str], ...]
    resources: Resources
    env: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secret_env: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secret_files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    binary_files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    triggers: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    writable: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    uses: tuple[Software, ...] = ()
    executors: "ExecutorTemplate | None" = None
    parked: bool = False


@dataclass(frozen=True, kw_only=True)
class Workload(Program):
    """A long-running server.

    The commands in `prepare` (templates) run on a fresh volume before the first start, and are idempotent.
    `stop_signal` asks the server to end within `stop_seconds`. Where the cluster can, up to `max_replicas`
    run under load.
    """

    readiness: Readiness
    volume: Volume | None = None
    prepare: tuple[tuple[str, ...], ...] = ()
    replicas: int = 1
    max_replicas: int = 0
    stop_signal: str = "TERM"
    stop_seconds: int = 30


@dataclass(frozen=True, kw_only=True)
class ExecutorTemplate:
    """Describes pods that a task starts itself through the Kubernetes API at `api`, such as Spark's
    executors.

    Links name the pods by `workload`. They are made from `image` and the manifest `template` (JSON), and
    carry `labels`. `image_home` is the directory of the software in that image. Pods request the fraction
    `cpu_requests` of their cores.
    """

    workload: str
    api: str
    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    image_home: str
    service_account: str
    template: pulumi.Output[str]
    labels: Mapping[str, str]
    cpu_requests: float = 1.0
    depends_on: tuple[pulumi.Resource, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Task(Program):
    """A program that runs to completion within `timeout` seconds. It writes a small JSON object to the
    file that the environment variable `NEBULA_RESULT` names."""

    timeout: int = 900


@dataclass(frozen=True)
class Running:
    """A workload that runs: its `resource`, the identity of its volume (empty if it has none) and the
    address of each named port. `java_home` is its Java installation, which clients on the same
    machine may use."""

    resource: pulumi.Resource
    volume: pulumi.Output[str]
    addresses: Mapping[str, Address]
    java_home: pulumi.Output[str] | None = None


@dataclass(frozen=True)
class Finished:
    """A task that has run: its `resource` and the JSON object that it wrote as its `result`."""

    resource: pulumi.Resource
    result: pulumi.Output[dict[str, Any]]


class Cluster(Protocol):
    """Runs workloads and tasks. `parent` is the component that a resource belongs to."""

    @property
    def security_group(self) -> pulumi.Input[str]:
        """The security group of the cluster's nodes, by which a managed service of the same network admits
        them; empty where clusters have none."""
        ...

    def run(self, workload: Workload, parent: pulumi.Resource) -> Running: ...

    def run_task(self, task: Task, parent: pulumi.Resource) -> Finished: ...

    def executor_template(self, template: Program, parent: pulumi.Resource) -> ExecutorTemplate | None:
        """Lets tasks start replicas of `template`, with its links. Returns None on a cluster that has no
        interface for that; its servers are then ordinary workloads."""
        ...

    def address(self, workload: str, port: str, number: int) -> Address:
        """Returns the address that `port` of `workload` will have; `number` is the port's standard
        number. A server needs it before its start, for advertised listeners or issuers."""
        ...

    def outside(self, workload: str, number: int, replica: int) -> HostPort | None:
        """Returns the address at which clients beyond the cluster reach one replica of `workload`, by
        its port named `outside` with the standard number `number`. Returns None if the workload is
        not exposed."""
        ...


class Secrets(Protocol):
    """Random secrets that the provider keeps: they are the same at every run."""

    def random(self, name: str, parent: pulumi.Resource, length: int = 32) -> pulumi.Output[str]:
        """Returns a secret of `length` characters of [A-Za-z0-9], which is generated once."""
        ...


def dependencies(links: Sequence[Link]) -> list[pulumi.Resource]:
    """Returns the resources that must exist before a client with these `links` starts."""
    return [resource for link in links for resource in link.target.depends_on]
