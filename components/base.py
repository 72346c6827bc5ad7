"""The nouns that every component is built from: Endpoint, Link, Workload, Task, Cluster, Secrets.

A component describes servers as workloads; the cluster it was given decides how they run. Nothing
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
    """A host name or IP address and a TCP port; `tls` when what answers there speaks TLS."""

    host: pulumi.Output[str]
    port: pulumi.Output[int]
    tls: bool = False

    @property
    def authority(self) -> pulumi.Output[str]:
        """`host:port`."""
        return pulumi.Output.concat(self.host, ":", self.port.apply(lambda port: str(int(port))))

    def url(self, scheme: str = "http", path: str = "") -> pulumi.Output[str]:
        """`scheme://host:port` and `path`; of http over TLS, https, and of redis alike. A port that http
        implies is left out, as it is where servers and clients write such a URL (issuers, signatures)."""
        secure = _SECURE.get(scheme, scheme) if self.tls else scheme
        implied = _IMPLIED_PORTS.get(secure)
        authority = pulumi.Output.all(self.host, self.port).apply(
            lambda known: known[0] if int(known[1]) == implied else f"{known[0]}:{int(known[1])}"
        )
        return pulumi.Output.concat(secure, "://", authority, path)


@dataclass(frozen=True)
class Address:
    """Where a server is reached: `inside` by workloads, `outside` by people and clients beyond the
    cluster. The two are the same on a laptop."""

    inside: HostPort
    outside: HostPort

    @property
    def exposed(self) -> bool:
        """Whether clients beyond the cluster have an address of their own."""
        return self.outside is not self.inside


@dataclass(frozen=True)
class Tls:
    """How a connection is secured. `ca` is the issuer's certificate in PEM, None for a public one."""

    mode: Literal["disabled", "required", "verify-full"] = "disabled"
    ca: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class Anonymous:
    """No authentication: SECURITY.md lists who uses it."""


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
    """What a client needs to connect to a capability.

    `component` is its name in the platform, `workloads` the names of the workloads that serve it
    (a network policy's edge ends there), `external` its addresses when it is beyond the cluster, and
    `depends_on` what must exist before a client starts.
    """

    component: str
    workloads: tuple[str, ...] = ()
    external: tuple[HostPort, ...] = ()
    depends_on: tuple[pulumi.Resource, ...] = ()
    tls: Tls = field(default_factory=Tls)
    auth: Auth = field(default_factory=Anonymous)

    @property
    def ca_file(self) -> str | None:
        """Where a client finds the issuer's certificates (a template), None for a public issuer."""
        return None if self.tls.ca is None else f"{{run}}/{self.component}-ca.pem"

    @property
    def ca_files(self) -> Mapping[str, pulumi.Input[str]]:
        """What such a client must have among its files."""
        return {} if self.tls.ca is None else {f"{self.component}-ca.pem": self.tls.ca}

    @property
    def public(self) -> Mapping[str, Any]:
        """The fields that the stack's output `endpoints` has for it: what a client outside needs to connect,
        without credentials. Raises TypeError for an endpoint that is no output."""
        raise TypeError(f"{type(self).__name__} says nothing to the stack's users: give it `public`")

    @property
    def credentials(self) -> Mapping[str, Any]:
        """The fields that the stack's secret output `credentials` has for it."""
        return login_of(self.auth)


def login_of(auth: Auth) -> Mapping[str, Any]:
    """The user name and the password of `auth`; empty for other ways to authenticate."""
    return {"username": auth.username, "password": auth.password} if isinstance(auth, Password) else {}


@dataclass(frozen=True)
class Link:
    """Declares that a program connects to `ports` of `target`: it starts after it, and network policies open
    those ports and no others. `ports` are names of the target's workloads' ports; those of a server that is
    no workload of the stack are known by its addresses. With `calls_back` the target connects to all ports of
    the program, too."""

    target: Endpoint
    ports: tuple[str, ...] = ()
    calls_back: bool = False


@dataclass(frozen=True)
class Http:
    """Ready when GET `path` on `port` answers with `status`."""

    port: str
    path: str
    status: int = 200


@dataclass(frozen=True)
class Tcp:
    """Ready when `port` accepts a connection."""

    port: str


@dataclass(frozen=True)
class Command:
    """Ready when the command (first word: an executable of the software) exits with 0."""

    command: tuple[str, ...]


Probe = Http | Tcp | Command


@dataclass(frozen=True)
class Readiness:
    """The probe, and how many seconds after its start a server may take to pass it.

    `alive` is what to ask to know whether it must be started anew: for a server that is not ready while
    another is away, which starting it anew would not mend."""

    probe: Probe
    deadline: int = 180
    alive: Probe | None = None


@dataclass(frozen=True)
class Resources:
    """What one replica asks for: cpu in cores, memory in MiB (also its limit)."""

    cpu: float
    memory: int


@dataclass(frozen=True)
class Volume:
    """A data volume of `size` GiB (a request where storage is provisioned), kept across restarts."""

    size: int


@dataclass(frozen=True, kw_only=True)
class Program:
    """What runs, neutral of where: the common part of Workload and Task.

    `command`, `env` and `files` are templates (components/templates.py). The first word of a command is
    an executable of the software. `files` maps a path below `{run}` to its content; `secret_files` and
    `secret_env` are the same, kept secret; `binary_files` are in Base64, and no templates. `ports` maps
    names to standard numbers, which a cluster may move. It runs again when one of `triggers` changes, such
    as the identity of the volume that it fills or that its database is on. `writable` are paths that it
    writes beside its volume. `uses` is software that is present beside its own, as `{home.NAME}`. `executors`
    are replicas that it starts by itself. When `parked`, it keeps its place, its volume and its secrets, and
    nothing of it runs.
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

    `prepare` are commands, templates too, that run on a fresh volume before the first start and are
    idempotent. `stop_signal` asks it to end within `stop_seconds`. Where the cluster can, up to
    `max_replicas` are started under load.
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
    """Pods that a task starts by itself through the Kubernetes API at `api`, such as Spark's executors.

    `workload` is their name in links, `image` and `template` (a pod's manifest, JSON) what they are made
    from, `image_home` where the software is in that image, `labels` what they must carry, `cpu_requests`
    the part of their cores that they request.
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
    """A program run to completion, within `timeout` seconds. It writes a small JSON object to the file
    named by `NEBULA_RESULT`."""

    timeout: int = 900


@dataclass(frozen=True)
class Running:
    """A workload that runs: its `resource`, the identity of its volume (empty without one) and the
    address of each named port. `java_home` is its Java, where clients run on the same machine."""

    resource: pulumi.Resource
    volume: pulumi.Output[str]
    addresses: Mapping[str, Address]
    java_home: pulumi.Output[str] | None = None


@dataclass(frozen=True)
class Finished:
    """A task that has run: its `resource` and the JSON `result` that it wrote."""

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
        """Let tasks start replicas of `template`, whose links they have, by themselves. None where a
        cluster has no interface for that: its servers are then workloads like any other."""
        ...

    def address(self, workload: str, port: str, number: int) -> Address:
        """The address that `port` (standard number `number`) of `workload` has once it runs: what
        a server must know of itself before its start (advertised listeners, issuers)."""
        ...

    def outside(self, workload: str, number: int, replica: int) -> HostPort | None:
        """Where clients beyond the cluster reach one replica of `workload` by itself: its port named
        `outside` (standard number `number`). None unless the workload is exposed."""
        ...


class Secrets(Protocol):
    """Random secrets, kept by the provider, the same at every run."""

    def random(self, name: str, parent: pulumi.Resource, length: int = 32) -> pulumi.Output[str]:
        """A secret of `length` characters of [A-Za-z0-9], minted once."""
        ...


def dependencies(links: Sequence[Link]) -> list[pulumi.Resource]:
    """What the targets of `links` need to exist before their client starts."""
    return [resource for link in links for resource in link.target.depends_on]
