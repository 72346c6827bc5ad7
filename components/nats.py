"""Runs NATS with JetStream, and creates the streams that the stack declares."""

from dataclasses import dataclass, replace

import pulumi

from components.base import Http, Link, Password, Readiness, Volume, Workload
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import NatsEndpoint
from components.foundation import Foundation
from components.provisioning import converge
from components.sizing import WorkloadSize
from components.software import NATS, PROVISIONER

_USER = "nebula"

_CONF = """\
server_name: {name}-{{index}}
listen: {{bind}}:{{port.client}}
http: {{bind}}:{{port.monitor}}
jetstream {{
  store_dir: "{{data}}"
  max_memory_store: {memory}M
  max_file_store: {volume}G
}}
authorization {{
  user: {user}
  password: $PASSWORD
}}
"""

_CLUSTER = """\
cluster {{
  name: {name}
  listen: {{bind}}:{{port.cluster}}
  authorization {{
    user: {user}
    password: $PASSWORD
  }}
  routes: [{routes}]
}}
"""
_REPLICATED = 3
"""The number of copies of a stream, if at least as many servers run."""


DECLARATION = Declaration(
    name="nats",
    workloads={
        "nats": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=0.5, memory=256, volume=5),
                "small": WorkloadSize(cpu=1, memory=1024, volume=20),
                "production": WorkloadSize(cpu=2, memory=4096, volume=50, replicas=3),
            },
            ports={"client": 24222, "monitor": 28222},
        ),
    },
    software=(NATS,),
    tasks=(PROVISIONER,),
)


@dataclass(frozen=True)
class Stream:
    """A JetStream stream that keeps messages of `subjects` in files."""

    name: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NatsArgs:
    foundation: Foundation
    streams: tuple[Stream, ...]


class Nats(pulumi.ComponentResource):
    """Runs NATS with JetStream on file storage. Clients log in with a password."""

    endpoint: NatsEndpoint

    def __init__(self, name: str, args: NatsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Nats", name, {}, opts)
        size = args.foundation.sizing["nats"]
        password = args.foundation.secrets.random(f"{name}-password", self)
        conf = _CONF.format(name=name, memory=size.memory // 4, volume=size.volume, user=_USER)
        ports = {"client": 4222, "monitor": 8222}
        if size.replicas > 1:
            ports["cluster"] = 6222
            routes = (f"nats://{_USER}:$PASSWORD@{{peer.cluster.{n}}}" for n in range(size.replicas))
            conf += _CLUSTER.format(name=name, user=_USER, routes=", ".join(routes))
        server = args.foundation.cluster.run(
            Workload(
                name=name,
                software=NATS,
                command=("nats-server", "--config", "{run}/nats.conf"),
                env={"GOMEMLIMIT": f"{size.memory}MiB"},
                secret_files={"nats.conf": password.apply(lambda value: conf.replace("$PASSWORD", value))},
                ports=ports,
                volume=Volume(size.volume),
                replicas=size.replicas,
                readiness=Readiness(
                    Http("monitor", "/healthz"),
                    deadline=60,
                    # Without this it asks whether every stream has caught up with its peers.
                    alive=Http("monitor", "/healthz?js-enabled-only=true"),
                ),
                resources=size.resources,
            ),
            self,
        )
        bare = NatsEndpoint(
            component=name,
            workloads=(name,),
            depends_on=(server.resource,),
            auth=Password(_USER, password),
            address=server.addresses["client"],
        )
        streams = converge(
            f"{name}-streams",
            {
                "service": "nats",
                "servers": [bare.address.inside.url("nats")],
                "user": _USER,
                "password": password,
                "streams": [
                    {
                        "name": stream.name,
                        "subjects": list(stream.subjects),
                        "replicas": min(size.replicas, _REPLICATED),
                    }
                    for stream in args.streams
                ],
            },
            foundation=args.foundation,
            link=Link(bare, ("client",)),
            parent=self,
            volume=server.volume,
        )
        self.endpoint = replace(bare, depends_on=(server.resource, streams.resource))
        self.register_outputs({"url": bare.address.outside.url("nats")})
