"""Runs Trino: SQL over the Iceberg catalog, and over catalogs of the stack file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pulumi

from components import java_properties, trust
from components.base import Command, Link, Readiness, Running, Workload
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import IcebergCatalogEndpoint, ObjectStoreEndpoint, TrinoEndpoint
from components.foundation import Foundation
from components.iceberg_catalog import WAREHOUSE
from components.sizing import WorkloadSize
from components.software import TRINO

LAKEHOUSE = "lakehouse"

_CONFIG = """\
coordinator=true
node-scheduler.include-coordinator=%s
http-server.http.port={port.http}
discovery.uri=http://{host}:{port.http}
catalog.management=static
web-ui.preview.enabled=false
"""

_WORKER_CONFIG = """\
coordinator=false
http-server.http.port={port.http}
discovery.uri=%s
catalog.management=static
"""
# The next page of an answer is where the client came from, not where the proxy did.
_FORWARDED = "http-server.process-forwarded=true\n"
_LOG = "io.trino=WARN\nio.airlift=WARN\nio.trino.server.Server=INFO\n"
_HTTP = 8080


DECLARATION = Declaration(
    name="trino",
    needs=("object_store", "iceberg_catalog"),
    workloads={
        "trino": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=2, memory=2048, heap=1280),
                "small": WorkloadSize(cpu=4, memory=8192, heap=6144),
                "production": WorkloadSize(cpu=8, memory=32768, heap=26624),
            },
            ports={"http": 28080},
        ),
        "trino-worker": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=2, memory=2048, heap=1280, replicas=0),
                "small": WorkloadSize(cpu=4, memory=8192, heap=6144, replicas=0),
                "production": WorkloadSize(cpu=8, memory=32768, heap=26624, replicas=2, max_replicas=6),
            },
            absent_on_one_machine="there the coordinator is the only worker",
        ),
    },
    software=(TRINO,),
    writes=(WAREHOUSE,),
    exposable=True,
)


@dataclass(frozen=True, kw_only=True)
class TrinoArgs:
    """`catalogs` maps the name of each further catalog to its connector properties. Raises ValueError
    for one named `lakehouse`."""

    foundation: Foundation
    iceberg_catalog: IcebergCatalogEndpoint
    object_store: ObjectStoreEndpoint
    catalogs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if LAKEHOUSE in self.catalogs:
            raise ValueError(
                f"the Trino catalog {LAKEHOUSE!r} is the platform's own: give yours another name"
            )


class Trino(pulumi.ComponentResource):
    """Runs a coordinator with the catalog `lakehouse` on the REST catalog. Without workers it runs
    queries itself; where the cluster can, the number of workers follows the load."""

    endpoint: TrinoEndpoint

    def __init__(self, name: str, args: TrinoArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Trino", name, {}, opts)
        size, worker = args.foundation.sizing["trino"], args.foundation.sizing["trino-worker"]
        catalogs = {
            f"etc/catalog/{LAKEHOUSE}.properties": _lakehouse(args),
            **{
                f"etc/catalog/{catalog}.properties": _properties(properties)
                for catalog, properties in args.catalogs.items()
            },
        }
        exposed = args.foundation.cluster.address(name, "http", _HTTP).exposed
        config = _CONFIG % str(not worker.replicas).lower()
        server = args.foundation.cluster.run(
            Workload(
                name=name,
                software=TRINO,
                command=("server",),
                files={
                    "etc/config.properties": f"{config}{_FORWARDED}" if exposed else config,
                    "etc/jvm.config": _jvm(size.heap, args.object_store),
                    "etc/log.properties": _LOG,
                },
                secret_files=catalogs,
                binary_files=trust.files(args.object_store),
                ports={"http": _HTTP},
                links=(Link(args.iceberg_catalog, ("http",)), Link(args.object_store, ("s3",))),
                readiness=_READY,
                resources=size.resources,
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
        if worker.replicas:
            workers = self._workers(name, args, worker, catalogs)
            self.endpoint = replace(self.endpoint, depends_on=(server.resource, workers.resource))
        self.register_outputs({"url": self.endpoint.address.outside.url()})

    def _workers(
        self, name: str, args: TrinoArgs, size: WorkloadSize, catalogs: Mapping[str, pulumi.Input[str]]
    ) -> Running:
        discovery = self.endpoint.address.inside.url()
        return args.foundation.cluster.run(
            Workload(
                name=f"{name}-worker",
                software=TRINO,
                command=("server",),
                files={
                    "etc/config.properties": discovery.apply(lambda url: _WORKER_CONFIG % url),
                    "etc/jvm.config": _jvm(size.heap, args.object_store),
                    "etc/log.properties": _LOG,
                },
                secret_files=catalogs,
                binary_files=trust.files(args.object_store),
                ports={"http": _HTTP},
                links=(
                    Link(self.endpoint, ("http",), calls_back=True),
                    Link(args.iceberg_catalog, ("http",)),
                    Link(args.object_store, ("s3",)),
                ),
                readiness=_READY,
                replicas=size.replicas,
                max_replicas=size.max_replicas,
                resources=size.resources,
            ),
            self,
        )


_READY = Readiness(Command(("health", "{bind}", "{port.http}")), deadline=240)


def _jvm(heap: int, store: ObjectStoreEndpoint) -> str:
    """Returns `jvm.config` with the options that Trino documents; it refuses to start without them."""
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
            # JOL would start three JVMs of its own to look at this one, and leave files of theirs in /tmp.
            "-Djol.skipDynamicAttach=true",
            "-Djol.skipHotspotSAAttach=true",
            "-Dfile.encoding=UTF-8",
            "-Djava.io.tmpdir={run}",
            "-Djna.tmpdir={run}",  # else it is below the user's home
            *trust.options(store),
            "",
        )
    )


def _properties(properties: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Returns a `.properties` file that is secret as a whole, since a catalog's properties hold its
    credential."""
    return pulumi.Output.secret(pulumi.Output.all(**properties).apply(java_properties.text))


def _lakehouse(args: TrinoArgs) -> pulumi.Output[str]:
    catalog = args.iceberg_catalog
    return _properties(
        {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "rest",
            "iceberg.rest-catalog.uri": catalog.address.inside.url("http", catalog.path),
            "iceberg.rest-catalog.warehouse": catalog.warehouse,
            "iceberg.rest-catalog.view-endpoints-enabled": json.dumps(True),
            **_file_system(args.object_store),
        }
    )


def _file_system(store: ObjectStoreEndpoint) -> Mapping[str, pulumi.Input[str]]:
    """Returns the properties of the store's file system. Without a key, Trino uses the pod's identity."""
    key = store.key
    if store.protocol == "gs":
        return {"fs.native-gcs.enabled": json.dumps(True)}
    return {
        "fs.native-s3.enabled": json.dumps(True),
        "s3.endpoint": store.address.inside.url(),
        "s3.region": store.region,
        "s3.path-style-access": json.dumps(store.path_style),
        **({} if key is None else {"s3.aws-access-key": key.username, "s3.aws-secret-key": key.password}),
    }
