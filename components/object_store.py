"""Object storage: MinIO, with buckets and one key for each service."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import pulumi

from components.base import Auth, Cluster, Http, Link, Password, Readiness, Secrets, Volume, Workload
from components.endpoints import NetworkEndpoint, ObjectStoreEndpoint
from components.provisioning import converge
from components.sizing import Sizing
from components.software import MINIO

_ROOT = "nebula-root"


@dataclass(frozen=True)
class Grant:
    """`service` reaches `buckets` (all other buckets are closed to it). One `outside` the platform, such
    as people, has a key where the store has keys; of a cloud's store it is a user there already."""

    service: str
    buckets: tuple[str, ...]
    access: Literal["read", "write"] = "write"
    outside: bool = False


@dataclass(frozen=True, kw_only=True)
class ObjectStoreArgs:
    cluster: Cluster
    secrets: Secrets
    sizing: Sizing
    buckets: tuple[str, ...]
    grants: tuple[Grant, ...]
    network: NetworkEndpoint | None = None

    def __post_init__(self) -> None:
        for grant in self.grants:
            if missing := sorted(set(grant.buckets) - set(self.buckets)):
                raise ValueError(
                    f"{grant.service} is granted {', '.join(missing)}, which is not among the buckets "
                    f"({', '.join(self.buckets)}): declare it or drop the grant"
                )


class ObjectStore(pulumi.ComponentResource):
    """MinIO. Its root key serves the provisioner only; every service has a key of its own."""

    endpoint: ObjectStoreEndpoint

    def __init__(self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:ObjectStore", name, {}, opts)
        shape = args.sizing["object_store"]
        root = args.secrets.random(f"{name}-root", self)
        services = dict.fromkeys(grant.service for grant in args.grants)
        identities: Mapping[str, Auth] = {
            service: Password(service, args.secrets.random(f"{name}-{service}", self)) for service in services
        }
        server = args.cluster.run(
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
                    "GOMEMLIMIT": f"{shape.memory}MiB",
                },
                secret_files={
                    "root.env": pulumi.Output.concat(
                        f"MINIO_ROOT_USER={_ROOT}\nMINIO_ROOT_PASSWORD=", root, "\n"
                    )
                },
                ports={"s3": 9000, "console": 9001},
                volume=Volume(shape.volume),
                readiness=Readiness(Http("s3", "/minio/health/ready"), deadline=60),
                resources=shape.resources,
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
            cluster=args.cluster,
            sizing=args.sizing,
            link=Link(bare, ("s3",)),
            parent=self,
            volume=server.volume,
        )
        self.endpoint = replace(bare, depends_on=(server.resource, buckets.resource))
        self.register_outputs({"url": bare.address.outside.url()})
