"""Redis: a cache with a password, a memory limit and eviction."""

from dataclasses import dataclass

import pulumi

from components.base import Cluster, Password, Readiness, Secrets, Tcp, Volume, Workload
from components.endpoints import NetworkEndpoint, RedisEndpoint
from components.sizing import Sizing
from components.software import REDIS

_CONF = """\
bind {{bind}}
port {{port.redis}}
dir {{data}}
maxmemory {maxmemory}mb
maxmemory-policy allkeys-lru
appendonly yes
save ""
"""


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    cluster: Cluster
    secrets: Secrets
    sizing: Sizing
    network: NetworkEndpoint | None = None


class Redis(pulumi.ComponentResource):
    """Redis, evicting the least recently used keys at half of its memory."""

    endpoint: RedisEndpoint

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Redis", name, {}, opts)
        shape = args.sizing["redis"]
        password = args.secrets.random(f"{name}-password", self)
        server = args.cluster.run(
            Workload(
                name=name,
                software=REDIS,
                command=("redis-server", "{run}/redis.conf"),
                secret_files={
                    "redis.conf": pulumi.Output.concat(
                        _CONF.format(maxmemory=shape.memory // 2), "requirepass ", password, "\n"
                    )
                },
                ports={"redis": 6379},
                volume=Volume(shape.volume),
                readiness=Readiness(Tcp("redis"), deadline=60),
                resources=shape.resources,
            ),
            self,
        )
        self.endpoint = RedisEndpoint(
            component=name,
            workloads=(name,),
            depends_on=(server.resource,),
            auth=Password("default", password),
            address=server.addresses["redis"],
        )
        self.register_outputs({"host": self.endpoint.address.outside.host})
