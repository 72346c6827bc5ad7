"""NATS with JetStream, and the streams that the stack declares."""

from dataclasses import dataclass, replace

import pulumi

from components.base import Cluster, Http, Link, Password, Readiness, Secrets, Volume, Workload
from components.endpoints import NatsEndpoint
from components.provisioning import converge
from components.sizing import Sizing
from components.software import NATS

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
"""Copies of a stream where there are as many servers."""


@dataclass(frozen=True)
class Stream:
    """A JetStream stream on file storage that keeps messages of `subjects`."""

    name: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NatsArgs:
    cluster: Cluster
    secrets: Secrets
    sizing: Sizing
    streams: tuple[Stream, ...]


class Nats(pulumi.ComponentResource):
    """NATS with JetStream on file storage; clients authenticate."""

    endpoint: NatsEndpoint

    def __init__(self, name: str, args: NatsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Nats", name, {}, opts)
        shape = args.sizing["nats"]
        password = args.secrets.random(f"{name}-password", self)
        conf = _CONF.format(name=name, memory=shape.memory // 4, volume=shape.volume, user=_USER)
        ports = {"client": 4222, "monitor": 8222}
        if shape.replicas > 1:
            ports["cluster"] = 6222
            routes = (f"nats://{_USER}:$PASSWORD@{{peer.cluster.{n}}}" for n in range(shape.replicas))
            conf += _CLUSTER.format(name=name, user=_USER, routes=", ".join(routes))
        server = args.cluster.run(
            Workload(
                name=name,
                software=NATS,
                command=("nats-server", "--config", "{run}/nats.conf"),
                env={"GOMEMLIMIT": f"{shape.memory}MiB"},
                secret_files={"nats.conf": password.apply(lambda value: conf.replace("$PASSWORD", value))},
                ports=ports,
                volume=Volume(shape.volume),
                replicas=shape.replicas,
                readiness=Readiness(
                    Http("monitor", "/healthz"),
                    deadline=60,
                    # Without this it asks whether every stream has caught up with its peers.
                    alive=Http("monitor", "/healthz?js-enabled-only=true"),
                ),
                resources=shape.resources,
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
                        "replicas": min(shape.replicas, _REPLICATED),
                    }
                    for stream in args.streams
                ],
            },
            cluster=args.cluster,
            sizing=args.sizing,
            link=Link(bare, ("client",)),
            parent=self,
            volume=server.volume,
        )
        self.endpoint = replace(bare, depends_on=(server.resource, streams.resource))
        self.register_outputs({"url": bare.address.outside.url("nats")})
