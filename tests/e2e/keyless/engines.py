"""Starts the catalog and Trino on this machine, with the configuration of their components, on a store of the
test's."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pulumi

from components.base import Address, HostPort, Password, WorkloadIdentity
from components.endpoints import IcebergCatalogEndpoint, ObjectStoreEndpoint, PostgresDatabase
from components.iceberg_catalog import IcebergCatalog, IcebergCatalogArgs
from components.templates import render
from components.trino import Trino, TrinoArgs
from tests.apps.provisioner.servers import home, running
from tests.components.recorded import RecordingCluster, foundation, recorded


def _address(port: int) -> Address:
    here = HostPort(pulumi.Output.from_input("127.0.0.1"), pulumi.Output.from_input(port))
    return Address(inside=here, outside=here)


def s3(port: int) -> ObjectStoreEndpoint:
    """Return the endpoint of an S3 store on `port`, whose clients authenticate by their workload's
    identity."""
    return ObjectStoreEndpoint(
        component="object_store",
        address=_address(port),
        buckets={name: f"s3://{name}" for name in ("bronze", "warehouse")},
        auth=WorkloadIdentity("a-role"),
    )


def gs(port: int) -> ObjectStoreEndpoint:
    """Return the endpoint of a Google store. Components do not configure its address, so the test adds `port`
    itself."""
    return replace(
        s3(port), protocol="gs", buckets={name: f"gs://{name}" for name in ("bronze", "warehouse")}
    )


def catalog(store: Callable[[], ObjectStoreEndpoint], *further: str) -> RecordingCluster:
    """Return a cluster that recorded the catalog. Its metadata is kept in memory; only its access to the
    store is the component's. `further` are more lines of its configuration."""

    def program(cluster: RecordingCluster) -> None:
        database = PostgresDatabase(
            component="postgres",
            address=_address(1),
            name="none",
            auth=Password("none", pulumi.Output.from_input("none")),
        )
        args = IcebergCatalogArgs(
            foundation=foundation(cluster),
            database=database,
            object_store=store(),
            namespaces=(),
        )
        IcebergCatalog("iceberg_catalog", args)

    found = recorded(program)
    kept = [
        line
        for line in found.files["iceberg_catalog"]["nessie.properties"].splitlines()
        if not line.startswith(("nessie.version.store", "quarkus.datasource"))
    ]
    in_memory = "nessie.version.store.type=IN_MEMORY"
    found.files["iceberg_catalog"]["nessie.properties"] = "\n".join([*kept, in_memory, *further, ""])
    return found


def trino(store: Callable[[], ObjectStoreEndpoint], catalog_port: int, *further: str) -> RecordingCluster:
    """Return a cluster that recorded Trino. `further` are more lines of its catalog's properties."""

    def program(cluster: RecordingCluster) -> None:
        rest = IcebergCatalogEndpoint(
            component="iceberg_catalog",
            address=_address(catalog_port),
            path="/iceberg",
            warehouse="warehouse",
        )
        args = TrinoArgs(foundation=foundation(cluster), iceberg_catalog=rest, object_store=store())
        Trino("trino", args)

    found = recorded(program)
    found.files["trino"]["etc/catalog/lakehouse.properties"] += "".join(f"{line}\n" for line in further)
    return found


@contextmanager
def started(
    cluster: RecordingCluster, name: str, ports: Mapping[str, int], directory: Path, env: Mapping[str, str]
) -> Iterator[Path]:
    """Run a recorded program in `directory`, wait until its first port listens, and yield the path of its
    log."""
    program = cluster.programs[name]
    directory.mkdir()
    java = home(f"java-{program.software.java}")
    values = {
        "home": str(home(program.software.name)),
        "java": str(java / "bin" / "java"),
        "run": str(directory),
        "workload": name.replace("_", "-"),
        "index": "0",
        "bind": "127.0.0.1",
        "host": "127.0.0.1",
        **{f"port.{port}": str(number) for port, number in ports.items()},
    }
    for path, text in cluster.files[name].items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(render(text, values))
    executable, *arguments = (str(word) for word in program.command)
    words = [*program.software.executable(executable).distribution, *arguments]
    command = [render(word, values) for word in words]
    with running(command, directory, next(iter(ports.values())), env) as log:
        yield log
