"""Trino: SQL over the Iceberg catalog, and over catalogs of the user's own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.base import Cluster, Command, Link, Password, Readiness, Workload
from components.endpoints import IcebergCatalogEndpoint, ObjectStoreEndpoint, TrinoEndpoint
from components.sizing import SIZES, Size
from components.software import TRINO

LAKEHOUSE = "lakehouse"

_CONFIG = """\
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port.http}
discovery.uri=http://{host}:{port.http}
catalog.management=static
web-ui.preview.enabled=false
"""


@dataclass(frozen=True, kw_only=True)
class TrinoArgs:
    """`catalogs` are further catalogs: name to connector properties."""

    cluster: Cluster
    size: Size
    iceberg_catalog: IcebergCatalogEndpoint
    object_store: ObjectStoreEndpoint
    catalogs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if LAKEHOUSE in self.catalogs:
            raise ValueError(
                f"the Trino catalog {LAKEHOUSE!r} is the platform's own: give yours another name"
            )


class Trino(pulumi.ComponentResource):
    """A coordinator that also works, with the catalog `lakehouse` on the REST catalog."""

    endpoint: TrinoEndpoint

    def __init__(self, name: str, args: TrinoArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Trino", name, {}, opts)
        shape = SIZES[args.size]["trino"]
        server = args.cluster.run(
            Workload(
                name=name,
                software=TRINO,
                command=("server",),
                files={
                    "etc/config.properties": _CONFIG,
                    "etc/jvm.config": _jvm(shape.heap),
                    "etc/log.properties": "io.trino=WARN\nio.airlift=WARN\n",
                },
                secret_files={
                    f"etc/catalog/{LAKEHOUSE}.properties": _lakehouse(args),
                    **{
                        f"etc/catalog/{catalog}.properties": _properties(properties)
                        for catalog, properties in args.catalogs.items()
                    },
                },
                ports={"http": 8080},
                links=(Link(args.iceberg_catalog), Link(args.object_store)),
                readiness=Readiness(Command(("health", "{bind}", "{port.http}")), deadline=240),
                resources=shape.resources,
            ),
            self,
        )
        self.endpoint = TrinoEndpoint(
            component=name,
            workloads=(name,),
            depends_on=(server.resource,),
            address=server.addresses["http"],
            catalogs=(LAKEHOUSE, *args.catalogs),
        )
        self.register_outputs({"url": self.endpoint.address.outside.url()})


def _jvm(heap: int) -> str:
    """Trino refuses to start without its own list of options; these are the ones it documents."""
    return "\n".join(
        (
            "-server",
            f"-Xmx{heap}m",
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-OmitStackTraceInFastThrow",
            "-XX:ReservedCodeCacheSize=256M",
            "-XX:-UsePerfData",
            "-XX:+UnlockDiagnosticVMOptions",
            "-Djdk.attach.allowAttachSelf=true",
            "-Dfile.encoding=UTF-8",
            "-Djava.io.tmpdir={run}",
            "",
        )
    )


def _properties(properties: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """A `.properties` file; secret as a whole, since a catalog's properties hold its credential."""
    text = pulumi.Output.all(**properties).apply(
        lambda values: "".join(f"{key}={value}\n" for key, value in sorted(values.items()))
    )
    return pulumi.Output.secret(text)


def _lakehouse(args: TrinoArgs) -> pulumi.Output[str]:
    catalog, store = args.iceberg_catalog, args.object_store
    if not isinstance(store.auth, Password):
        raise TypeError(f"Trino needs an S3 key, got {type(store.auth).__name__}")
    return _properties(
        {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "rest",
            "iceberg.rest-catalog.uri": catalog.address.inside.url("http", catalog.path),
            "iceberg.rest-catalog.warehouse": catalog.warehouse,
            "iceberg.rest-catalog.view-endpoints-enabled": json.dumps(True),
            "fs.native-s3.enabled": json.dumps(True),
            "s3.endpoint": store.address.inside.url(),
            "s3.region": store.region,
            "s3.path-style-access": json.dumps(store.path_style),
            "s3.aws-access-key": store.auth.username,
            "s3.aws-secret-key": store.auth.password,
        }
    )
