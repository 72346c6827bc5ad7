"""Spark as a standalone cluster: its secret, its sizes and what its workers reach."""

from components.sizing import Size
from components.spark import Spark, SparkArgs
from tests.components import servers
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        args = SparkArgs(
            foundation=foundation(cluster, size),
            iceberg_catalog=servers.iceberg_catalog(),
            object_store=servers.object_store("spark"),
        )
        Spark("spark", args)

    return recorded(program)


def test_drivers_need_the_secret() -> None:
    defaults = _built().files["spark-master"]["conf/spark-defaults.conf"].splitlines()
    assert "spark.authenticate true" in defaults
    assert "spark.authenticate.secret secret-of-spark-rpc" in defaults


def test_a_worker_offers_what_its_daemon_leaves() -> None:
    command = _built().programs["spark-worker"].command
    assert command[command.index("--memory") + 1] == f"{2048 - 256}M"
    assert command[command.index("--cores") + 1] == "2"


def test_workers_reach_the_master_the_store_and_the_catalog() -> None:
    assert _built().links("spark-worker") == {
        ("spark", ("rpc",)),
        ("object_store", ("s3",)),
        ("iceberg_catalog", ("http",)),
    }


def test_three_workers_run_in_production() -> None:
    assert _built("production").workload("spark-worker").replicas == 3


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
