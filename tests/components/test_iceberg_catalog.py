"""The Iceberg catalog: Nessie, its database, its warehouse and its namespaces."""

import json

from components.iceberg_catalog import IcebergCatalog, IcebergCatalogArgs
from components.sizing import Size
from tests.components import servers
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        args = IcebergCatalogArgs(
            foundation=foundation(cluster, size),
            database=servers.database("iceberg_catalog"),
            object_store=servers.object_store("iceberg_catalog"),
            namespaces=("bronze", "gold"),
        )
        IcebergCatalog("iceberg_catalog", args)

    return recorded(program)


def test_it_keeps_metadata_in_postgres_and_tables_in_the_warehouse() -> None:
    lines = _built().files["iceberg_catalog"]["nessie.properties"].splitlines()
    assert "nessie.version.store.type=JDBC2" in lines
    assert "nessie.catalog.warehouses.warehouse.location=s3://warehouse/" in lines


def test_it_reaches_its_database_and_the_store_alone() -> None:
    assert _built().links("iceberg_catalog") == {("postgres", ("sql",)), ("object_store", ("s3",))}


def test_its_namespaces_are_made() -> None:
    spec = json.loads(_built().files["iceberg_catalog-namespaces"]["spec.json"])
    assert spec["namespaces"] == ["bronze", "gold"]


def test_it_has_two_replicas_in_production() -> None:
    assert _built("production").workload("iceberg_catalog").replicas == 2


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
