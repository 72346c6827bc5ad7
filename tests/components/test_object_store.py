"""MinIO: its buckets, and a key for each service that reaches no other bucket."""

import json

import pytest

from components.object_store import Grant, ObjectStore, ObjectStoreArgs
from components.sizing import Size
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        args = ObjectStoreArgs(
            foundation=foundation(cluster, size),
            buckets=("bronze", "warehouse"),
            grants=(Grant("trino", ("warehouse",)), Grant("spark", ("bronze",), "read")),
        )
        ObjectStore("object_store", args)

    return recorded(program)


def test_each_service_has_a_key_for_its_own_buckets() -> None:
    spec = json.loads(_built().files["object_store-buckets"]["spec.json"])
    assert [(user["name"], user["secret_key"], user["grants"]) for user in spec["users"]] == [
        ("trino", "secret-of-object_store-trino", [{"buckets": ["warehouse"], "access": "write"}]),
        ("spark", "secret-of-object_store-spark", [{"buckets": ["bronze"], "access": "read"}]),
    ]


def test_a_grant_of_a_bucket_that_nobody_declares_is_refused() -> None:
    def program(cluster: RecordingCluster) -> None:
        ObjectStoreArgs(
            foundation=foundation(cluster), buckets=("bronze",), grants=(Grant("trino", ("gold",)),)
        )

    with pytest.raises(ValueError, match="trino is granted gold, which is not among the buckets"):
        recorded(program)


def test_the_provisioner_reaches_the_api_and_not_the_console() -> None:
    assert _built().links("object_store-buckets") == {("object_store", ("s3",))}


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
