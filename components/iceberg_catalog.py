"""Runs Nessie as the Iceberg REST catalog: its metadata is in Postgres, its tables in the object store."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi

from components import jvm, trust
from components.base import Http, Link, Password, Readiness, Workload
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import IcebergCatalogEndpoint, ObjectStoreEndpoint, PostgresDatabase
from components.foundation import Foundation
from components.java_properties import escaped
from components.provisioning import converge
from components.sizing import WorkloadSize
from components.software import NESSIE, PROVISIONER

WAREHOUSE = "warehouse"
_PATH = "/iceberg"
_HTTP = 19120

_PROPERTIES = """\
quarkus.http.host={bind}
quarkus.http.port={port.http}
quarkus.management.host={bind}
quarkus.management.port={port.management}
quarkus.banner.enabled=false
quarkus.log.level=WARN
quarkus.log.category."io.quarkus".level=INFO
quarkus.log.category."io.quarkus.http.access-log".level=WARN
quarkus.log.console.json=false
nessie.version.store.type=JDBC2
nessie.version.store.persist.jdbc.datasource=postgresql
quarkus.datasource.postgresql.jdbc.min-size=1
quarkus.datasource.postgresql.jdbc.max-size=10
nessie.server.authentication.enabled=false
"""

# What it says of its own address is where the client came from, not where the proxy did.
_FORWARDED = """\
quarkus.http.proxy.proxy-address-forwarding=true
quarkus.http.proxy.allow-x-forwarded=true
quarkus.http.proxy.enable-forwarded-host=true
"""


DECLARATION = Declaration(
    name="iceberg_catalog",
    needs=("postgres", "object_store"),
    workloads={
        "iceberg_catalog": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=1, memory=640, heap=256),
                "small": WorkloadSize(cpu=1, memory=1024, heap=512),
                "production": WorkloadSize(cpu=2, memory=2048, heap=1024, replicas=2),
            },
            ports={"http": 29120, "management": 29121},
        ),
    },
    software=(NESSIE,),
    tasks=(PROVISIONER,),
    database=True,
    buckets=(WAREHOUSE,),
    writes=(WAREHOUSE,),
    exposable=True,
)


@dataclass(frozen=True, kw_only=True)
class IcebergCatalogArgs:
    """The catalog keeps its metadata in `database`, and tables in the bucket `warehouse` of
    `object_store` with that endpoint's credential. It creates `namespaces`."""

    foundation: Foundation
    database: PostgresDatabase
    object_store: ObjectStoreEndpoint
    namespaces: tuple[str, ...]


class IcebergCatalog(pulumi.ComponentResource):
    """Runs Nessie, which serves the Iceberg REST API."""

    endpoint: IcebergCatalogEndpoint

    def __init__(
        self, name: str, args: IcebergCatalogArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nebula:components:IcebergCatalog", name, {}, opts)
        size = args.foundation.sizing["iceberg_catalog"]
        exposed = args.foundation.cluster.address(name, "http", _HTTP).exposed
        server = args.foundation.cluster.run(
            Workload(
                name=name,
                software=NESSIE,
                command=("server",),
                files={
                    "jvm.options": jvm.options(
                        size.heap,
                        "-Dquarkus.config.locations={run}/nessie.properties",
                        "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
                        *trust.options(args.object_store),
                    ),
                    **args.database.ca_files,
                },
                binary_files=trust.files(args.object_store),
                secret_files={"nessie.properties": _properties(args, _FORWARDED if exposed else "")},
                ports={"http": _HTTP, "management": 9000},
                triggers={"database": args.database.volume},
                links=(Link(args.database, ("sql",)), Link(args.object_store, ("s3",))),
                replicas=size.replicas,
                readiness=Readiness(
                    Http("management", "/q/health/ready"),
                    deadline=120,
                    alive=Http("management", "/q/health/live"),
                ),
                resources=size.resources,
            ),
            self,
        )
        bare = IcebergCatalogEndpoint(
            component=name,
            workloads=(name,),
            depends_on=(server.resource,),
            address=server.addresses["http"],
            path=_PATH,
            warehouse=WAREHOUSE,
            volume=args.database.volume,
        )
        namespaces = converge(
            f"{name}-namespaces",
            {
                "service": "iceberg_catalog",
                "uri": bare.address.inside.url("http", _PATH),
                "warehouse": WAREHOUSE,
                "namespaces": list(args.namespaces),
            },
            foundation=args.foundation,
            link=Link(bare, ("http",)),
            parent=self,
            volume=args.database.volume,
        )
        self.endpoint = replace(bare, depends_on=(server.resource, namespaces.resource))
        self.register_outputs({"url": bare.address.outside.url("http", _PATH)})


def _properties(args: IcebergCatalogArgs, further: str) -> pulumi.Output[str]:
    store, database = args.object_store, args.database
    if not isinstance(database.auth, Password):
        raise TypeError(
            f"the catalog's database needs a user and a password, got {type(database.auth).__name__}"
        )
    properties: dict[str, pulumi.Input[str]] = {
        "quarkus.datasource.postgresql.jdbc.url": database.jdbc_url,
        "quarkus.datasource.postgresql.username": database.auth.username,
        "quarkus.datasource.postgresql.password": database.auth.password,
        "nessie.catalog.default-warehouse": WAREHOUSE,
        f"nessie.catalog.warehouses.{WAREHOUSE}.location": pulumi.Output.concat(
            store.buckets[WAREHOUSE], "/"
        ),
        **_store(store),
    }
    lines = pulumi.Output.all(**properties).apply(
        lambda known: "\n".join(
            (f"{_PROPERTIES}{further}", *(f"{name}={escaped(value)}" for name, value in known.items()), "")
        )
    )
    return pulumi.Output.secret(lines)


def _store(store: ObjectStoreEndpoint) -> Mapping[str, pulumi.Input[str]]:
    """Returns the settings by which the catalog reaches the store, and those that it passes to clients,
    which hold no credential."""
    key = store.key
    if store.protocol == "gs":
        return {"nessie.catalog.service.gcs.default-options.auth-type": "APPLICATION_DEFAULT"}
    prefix = "nessie.catalog.service.s3.default-options"
    s3: dict[str, pulumi.Input[str]] = {
        f"{prefix}.endpoint": store.address.inside.url(),
        f"{prefix}.external-endpoint": store.address.outside.url(),
        f"{prefix}.region": store.region,
        f"{prefix}.path-style-access": str(store.path_style).lower(),
        f"{prefix}.request-signing-enabled": "false",
    }
    if key is None:
        return {**s3, f"{prefix}.auth-type": "APPLICATION_GLOBAL"}
    return {
        **s3,
        f"{prefix}.access-key": "urn:nessie-secret:quarkus:store.s3",
        "store.s3.name": key.username,
        "store.s3.secret": key.password,
    }
