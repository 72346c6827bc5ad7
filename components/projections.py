"""Runs projections: a worker for each view and shard projects events of JetStream into views."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.base import Address, Http, Link, Password, Readiness, Volume, Workload
from components.declaration import Declaration, PortRange, WorkloadDeclaration
from components.endpoints import NatsEndpoint, ProjectionsEndpoint
from components.foundation import Foundation
from components.sizing import WorkloadSize
from components.software import PROJECTIONS
from components.templates import literal_json

_HTTP = 8700
"""The port of the worker with port index 0; the others follow."""
_DRAIN = 20
_FILLED = 900
"""Seconds for a new shard to fold the stream: until then those that it takes the place of are kept."""


PORT_RANGE = PortRange(standard=_HTTP, first=20000, count=500)
"""The workers' ports, below all other ports at every offset and apart from those of a stack at offset 500."""

DECLARATION = Declaration(
    name="projections",
    needs=("nats",),
    workloads={
        "projections": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=1, memory=640, volume=5),
                "small": WorkloadSize(cpu=1, memory=1024, volume=20),
                "production": WorkloadSize(cpu=2, memory=2048, volume=50),
            },
            port_ranges={"http": PORT_RANGE},
        ),
    },
    software=(PROJECTIONS,),
    only_with="projections",
    description="those that are declared",
)


@dataclass(frozen=True)
class Shard:
    """A part of a view's events. `port_index` is the position of its worker's port in `PORT_RANGE`."""

    name: str
    subjects: tuple[str, ...]
    port_index: int


@dataclass(frozen=True, kw_only=True)
class View:
    """A view that `program` makes of the events of `stream`.

    No two shards take the same subject. The program reads `fields` of an event (all if empty). `limits`
    replace the service's own limits. With `tenant_token`, the token of a subject at that position, from 0,
    is the event's tenant.
    """

    name: str
    stream: str
    shards: tuple[Shard, ...]
    program: str
    tenant_token: int | None = None
    fields: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ProjectionsArgs:
    foundation: Foundation
    nats: NatsEndpoint
    workers: tuple[View, ...]


class Projections(pulumi.ComponentResource):
    """Runs a worker for each view and shard, which keeps its views on a volume and answers queries over
    HTTP."""

    endpoint: ProjectionsEndpoint

    def __init__(self, name: str, args: ProjectionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Projections", name, {}, opts)
        size = args.foundation.sizing["projections"]
        key = args.foundation.secrets.random(f"{name}-key", self)
        addresses: dict[str, dict[str, Address]] = {}
        workloads: list[str] = []
        resources: list[pulumi.Resource] = []
        for view in args.workers:
            for shard in view.shards:
                called, number = f"{name}-{view.name}-{shard.name}", _HTTP + shard.port_index
                spec = _spec(args.nats, key, args.foundation.cluster.address(called, "http", number))
                worker = args.foundation.cluster.run(
                    Workload(
                        name=called,
                        software=PROJECTIONS,
                        command=("projections", "serve", "{run}/spec.json"),
                        files={"projections.json": _manifest(view, shard)},
                        secret_files={"spec.json": spec},
                        ports={"http": number},
                        volume=Volume(size.volume),
                        readiness=Readiness(
                            Http("http", "/ready"), deadline=_FILLED, alive=Http("http", "/live")
                        ),
                        resources=size.resources,
                        links=(Link(args.nats, ("client",)),),
                        stop_seconds=_DRAIN + 10,
                    ),
                    self,
                )
                workloads.append(called)
                resources.append(worker.resource)
                addresses.setdefault(view.name, {})[shard.name] = worker.addresses["http"]
        self.endpoint = ProjectionsEndpoint(
            component=name,
            workloads=tuple(workloads),
            depends_on=tuple(resources),
            addresses=addresses,
            key=key,
        )
        self.register_outputs({"views": sorted(addresses)})


def _manifest(view: View, shard: Shard) -> str:
    """Returns the worker's only projection as JSON. A brace in a program is text, no placeholder."""
    projection = {
        "view": view.name,
        "shard": shard.name,
        "stream": view.stream,
        "subjects": list(shard.subjects),
        "program": view.program,
        "limits": dict(view.limits),
        "fields": list(view.fields),
        **({} if view.tenant_token is None else {"tenant_token": view.tenant_token}),
    }
    return literal_json({"projections": [projection]}, indent=1) + "\n"


def _spec(nats: NatsEndpoint, key: pulumi.Output[str], own: Address) -> pulumi.Output[str]:
    """Returns the spec of a worker whose clients reach it at `own`."""
    login = (
        {}
        if not isinstance(nats.auth, Password)
        else {
            "user": nats.auth.username,
            "password": nats.auth.password,
        }
    )
    return pulumi.Output.json_dumps(
        {
            "nats": {"servers": [nats.address.inside.url("nats")], **login},
            "listen": {
                "host": "{bind}",
                "port": "{port.http}",
                "names": ["{host}", own.inside.host, own.outside.host],
            },
            "directory": "{data}",
            "manifest": "{run}/projections.json",
            "key": key,
            "drain_seconds": _DRAIN,
        },
        sort_keys=True,
    )
