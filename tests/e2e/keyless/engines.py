"""Engines as their components describe them, started on this machine against a store that is given."""

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
    """A store whose clients are known by their workload's identity."""
    return ObjectStoreEndpoint(
        component="object_store",
        address=_address(port),
        buckets={name: f"s3://{name}" for name in ("bronze", "warehouse")},
        auth=WorkloadIdentity("a-role"),
    )


def gs(port: int) -> ObjectStoreEndpoint:
    """Google's own API. Its address is no part of what a component says: a test adds it."""
    return replace(
        s3(port), protocol="gs", buckets={name: f"gs://{name}" for name in ("bronze", "warehouse")}
    )


def catalog(store: Callable[[], ObjectStoreEndpoint], *further: str) -> RecordingCluster:
    """The catalog, its metadata in memory: only its way to the store is what its component says. `further`
    are lines of its configuration."""

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
    """`further` are lines of the properties of its catalog."""

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
    """Run one of its programs in `directory`, from when its first port listens. Yields its log."""
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
