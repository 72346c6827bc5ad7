"""The flights pipeline: a task that reaches the store, the catalog, Spark and Trino."""

import json

from components.flights import Flights, FlightsArgs
from components.sizing import Size
from tests.components import servers
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        args = FlightsArgs(
            foundation=foundation(cluster, size),
            object_store=servers.object_store("flights"),
            iceberg_catalog=servers.iceberg_catalog(),
            spark=servers.spark(),
            trino=servers.trino(),
        )
        Flights("flights", args)

    return recorded(program)


def test_it_reaches_the_servers_of_its_spec_and_no_others() -> None:
    assert _built().links("flights-pipeline") == {
        ("object_store", ("s3",)),
        ("iceberg_catalog", ("http",)),
        ("spark", ("rpc",)),
        ("trino", ("http",)),
    }


def test_the_driver_has_the_heap_of_its_size() -> None:
    spec = json.loads(_built("small").files["flights-pipeline"]["spec.json"])
    assert spec["spark"]["conf"]["spark.driver.memory"] == "2048m"


def test_it_lands_data_in_bronze() -> None:
    spec = json.loads(_built().files["flights-pipeline"]["spec.json"])
    assert spec["buckets"] == {"bronze": "bronze"}
    assert spec["object_store"]["secret_key"] == "secret-of-flights"


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
