"""Runs MinIO as the object store, with buckets and a key for each service."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import pulumi

from components.base import Auth, Http, Link, Password, Readiness, Volume, Workload
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import ObjectStoreEndpoint
from components.foundation import Foundation
from components.provisioning import converge
from components.sizing import WorkloadSize
from components.software import MINIO, PROVISIONER

_ROOT = "nebula-root"

Access = Literal["read", "write"]
"""Says what a service may do with the objects of a bucket; `write` includes `read`."""


DECLARATION = Declaration(
    name="object_store",
    workloads={
        "object_store": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=1, memory=1024, volume=20),
                "small": WorkloadSize(cpu=2, memory=2048, volume=200),
                "production": WorkloadSize(cpu=4, memory=8192, volume=1000),
            },
            ports={"s3": 29000, "console": 29001},
        ),
    },
    software=(MINIO,),
    tasks=(PROVISIONER,),
    buckets=("bronze", "silver", "gold"),
    exposable=True,
    external="object_store",
)


@dataclass(frozen=True)
class Grant:
    """Lets `service` reach `buckets`; all other buckets are closed to it. A client `outside` the
    platform, such as people, gets a key where the store has keys; in a cloud's store it has a user of
    its own already."""

    service: str
    buckets: tuple[str, ...]
    access: Access = "write"
    outside: bool = False


@dataclass(frozen=True, kw_only=True)
class ObjectStoreArgs:
    foundation: Foundation
    buckets: tuple[str, ...]
    grants: tuple[Grant, ...]

    def __post_init__(self) -> None:
        for grant in self.grants:
            if missing := sorted(set(grant.buckets) - set(self.buckets)):
                raise ValueError(
                    f"{grant.service} is granted {', '.join(missing)}, which is not among the buckets "
                    f"({', '.join(self.buckets)}): declare it or drop the grant"
                )


class ObjectStore(pulumi.ComponentResource):
    """Runs MinIO. Only the provisioner has its root key; every service has a key of its own."""

    endpoint: ObjectStoreEndpoint

    def __init__(self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:ObjectStore", name, {}, opts)
        size = args.foundation.sizing["object_store"]
        secrets = args.foundation.secrets
        root = secrets.random(f"{name}-root", self)
        services = dict.fromkeys(grant.service for grant in args.grants)
        identities: Mapping[str, Auth] = {
            service: Password(service, args.foundation.secrets.random(f"{name}-{service}", self))
            for service in services
        }
        server = args.foundation.cluster.run(
            Workload(
                name=name,
                software=MINIO,
                command=(
                    "minio",
                    "server",
                    "{data}",
                    "--address={bind}:{port.s3}",
                    "--console-address={bind}:{port.console}",
                    "--anonymous",  # no key in what it logs
                ),
                env={
                    "MINIO_CONFIG_ENV_FILE": "{run}/root.env",
                    "MINIO_UPDATE": "off",
                    "GOMEMLIMIT": f"{size.memory}MiB",
                },
                secret_files={
                    "root.env": pulumi.Output.concat(
                        f"MINIO_ROOT_USER={_ROOT}\nMINIO_ROOT_PASSWORD=", root, "\n"
                    )
                },
                ports={"s3": 9000, "console": 9001},
                volume=Volume(size.volume),
                readiness=Readiness(Http("s3", "/minio/health/ready"), deadline=60),
                resources=size.resources,
            ),
            self,
        )
        bare = ObjectStoreEndpoint(
            component=name,
            workloads=(name,),
            depends_on=(server.resource,),
            auth=Password(_ROOT, root),
            address=server.addresses["s3"],
            buckets={bucket: f"s3://{bucket}" for bucket in args.buckets},
            identities=identities,
            volume=server.volume,
        )
        buckets = converge(
            f"{name}-buckets",
            {
                "service": "object_store",
                "endpoint": bare.address.inside.authority,
                "tls": False,
                "access_key": _ROOT,
                "secret_key": root,
                "buckets": [{"name": bucket} for bucket in args.buckets],
                "users": [
                    {
                        "name": identity.username,
                        "secret_key": identity.password,
                        "grants": [
                            {"buckets": list(grant.buckets), "access": grant.access}
                            for grant in args.grants
                            if grant.service == service
                        ],
                    }
                    for service, identity in identities.items()
                    if isinstance(identity, Password)
                ],
            },
            foundation=args.foundation,
            link=Link(bare, ("s3",)),
            parent=self,
            volume=server.volume,
        )
        self.endpoint = replace(bare, depends_on=(server.resource, buckets.resource))
        self.register_outputs({"url": bare.address.outside.url()})
