"""Trino: a coordinator that works alone on a laptop, and workers in production."""

from components.sizing import Size
from components.trino import Trino, TrinoArgs
from tests.components import servers
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        args = TrinoArgs(
            foundation=foundation(cluster, size),
            iceberg_catalog=servers.iceberg_catalog(),
            object_store=servers.object_store("trino"),
            catalogs={"tpch": {"connector.name": "tpch"}},
        )
        Trino("trino", args)

    return recorded(program)


def test_without_workers_the_coordinator_runs_queries() -> None:
    cluster = _built()
    config = cluster.files["trino"]["etc/config.properties"].splitlines()
    assert "node-scheduler.include-coordinator=true" in config
    assert set(cluster.programs) == {"trino"}


def test_with_workers_it_does_not_and_they_follow_the_load() -> None:
    cluster = _built("production")
    config = cluster.files["trino"]["etc/config.properties"].splitlines()
    assert "node-scheduler.include-coordinator=false" in config
    worker = cluster.workload("trino-worker")
    assert (worker.replicas, worker.max_replicas) == (2, 6)
    assert "coordinator=false" in cluster.files["trino-worker"]["etc/config.properties"].splitlines()


def test_catalogs_of_the_stack_file_stand_beside_the_lakehouse() -> None:
    files = _built().files["trino"]
    assert files["etc/catalog/tpch.properties"].splitlines() == ["connector.name=tpch"]
    assert "connector.name=iceberg" in files["etc/catalog/lakehouse.properties"].splitlines()


def test_it_reaches_the_catalog_and_the_store_alone() -> None:
    assert _built().links("trino") == {("iceberg_catalog", ("http",)), ("object_store", ("s3",))}


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
