"""Runs Redis as a cache with a password, a memory limit and eviction."""

from dataclasses import dataclass

import pulumi

from components.base import Password, Readiness, Tcp, Volume, Workload
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import RedisEndpoint
from components.foundation import Foundation
from components.sizing import WorkloadSize
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


DECLARATION = Declaration(
    name="redis",
    workloads={
        "redis": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=0.5, memory=256, volume=1),
                "small": WorkloadSize(cpu=1, memory=1024, volume=5),
                "production": WorkloadSize(cpu=2, memory=4096, volume=10),
            },
            ports={"redis": 26379},
        ),
    },
    software=(REDIS,),
    external="redis",
)


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    foundation: Foundation


class Redis(pulumi.ComponentResource):
    """Runs Redis, which evicts the least recently used keys when they fill half of its memory."""

    endpoint: RedisEndpoint

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Redis", name, {}, opts)
        size = args.foundation.sizing["redis"]
        password = args.foundation.secrets.random(f"{name}-password", self)
        server = args.foundation.cluster.run(
            Workload(
                name=name,
                software=REDIS,
                command=("redis-server", "{run}/redis.conf"),
                secret_files={
                    "redis.conf": pulumi.Output.concat(
                        _CONF.format(maxmemory=size.memory // 2), "requirepass ", password, "\n"
                    )
                },
                ports={"redis": 6379},
                volume=Volume(size.volume),
                readiness=Readiness(Tcp("redis"), deadline=60),
                resources=size.resources,
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
