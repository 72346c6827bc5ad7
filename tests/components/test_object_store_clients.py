"""How each engine reaches S3 and Google's storage: by a key, or by who its pod is."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from components.base import Address, Anonymous, Auth, ExecutorTemplate, HostPort, Password, WorkloadIdentity
from components.endpoints import (
    IcebergCatalogEndpoint,
    ObjectStoreEndpoint,
    PostgresDatabase,
    SparkEndpoint,
    TrinoEndpoint,
)
from components.flights import Flights, FlightsArgs
from components.iceberg_catalog import IcebergCatalog, IcebergCatalogArgs
from components.spark import Spark, SparkArgs
from components.trino import Trino, TrinoArgs
from tests.components.recorded import RecordingCluster, foundation, properties, recorded

_ROLE = WorkloadIdentity("arn:aws:iam::111122223333:role/engine")
_Store = Callable[[], ObjectStoreEndpoint]


def _address(host: str, port: int, *, tls: bool = False) -> Address:
    here = HostPort(pulumi.Output.from_input(host), pulumi.Output.from_input(port), tls)
    return Address(inside=here, outside=here)


def _keyed() -> ObjectStoreEndpoint:
    return _s3(Password("engine", pulumi.Output.secret("s3-sentinel")))


def _by_role() -> ObjectStoreEndpoint:
    return _s3(_ROLE)


def _s3(auth: Auth) -> ObjectStoreEndpoint:
    return ObjectStoreEndpoint(
        component="object_store",
        address=_address("s3.eu-central-1.amazonaws.com", 443, tls=True),
        buckets={name: f"s3://nebula-{name}" for name in ("warehouse", "bronze")},
        region="eu-central-1",
        path_style=False,
        auth=auth,
    )


def _google() -> ObjectStoreEndpoint:
    return ObjectStoreEndpoint(
        component="object_store",
        protocol="gs",
        address=_address("storage.googleapis.com", 443, tls=True),
        buckets={name: f"gs://nebula-{name}" for name in ("warehouse", "bronze")},
        auth=WorkloadIdentity("engine@project.iam.gserviceaccount.com"),
    )


def _catalog() -> IcebergCatalogEndpoint:
    return IcebergCatalogEndpoint(
        component="iceberg_catalog",
        address=_address("catalog", 19120),
        path="/iceberg",
        warehouse="warehouse",
    )


def _trino(store: _Store) -> Mapping[str, str]:
    def program(cluster: RecordingCluster) -> None:
        Trino(
            "trino",
            TrinoArgs(foundation=foundation(cluster), iceberg_catalog=_catalog(), object_store=store()),
        )

    return properties(recorded(program).files["trino"]["etc/catalog/lakehouse.properties"])


def _nessie(store: _Store) -> Mapping[str, str]:
    def program(cluster: RecordingCluster) -> None:
        database = PostgresDatabase(
            component="postgres",
            address=_address("postgres", 5432),
            name="catalog",
            auth=Password("catalog", pulumi.Output.secret("sql-sentinel")),
        )
        IcebergCatalog(
            "iceberg_catalog",
            IcebergCatalogArgs(
                foundation=foundation(cluster), database=database, object_store=store(), namespaces=()
            ),
        )

    return properties(recorded(program).files["iceberg_catalog"]["nessie.properties"])


def _executors() -> ExecutorTemplate:
    return ExecutorTemplate(
        workload="spark-executor",
        api="https://kubernetes.default.svc",
        namespace="nebula",
        image="spark",
        image_home="/opt/spark",
        service_account="spark-executor",
        template=pulumi.Output.from_input("{}"),
        labels={},
    )


def _spark(store: _Store) -> Mapping[str, str]:
    """What a driver's configuration holds, secrets included."""
    known: dict[str, str] = {}

    def program(cluster: RecordingCluster) -> None:
        args = SparkArgs(
            foundation=foundation(cluster),
            iceberg_catalog=_catalog(),
            object_store=store(),
        )
        endpoint = Spark("spark", args).endpoint
        pulumi.Output.all(**endpoint.conf, **endpoint.secret_conf).apply(known.update)

    recorded(program, _executors)
    return known


def _flights(store: _Store) -> Any:
    def program(cluster: RecordingCluster) -> None:
        spark = SparkEndpoint(
            component="spark",
            master=pulumi.Output.from_input("spark://spark:7077"),
            outside_master=pulumi.Output.from_input("spark://spark:7077"),
            conf={},
            secret_conf={},
        )
        trino = TrinoEndpoint(component="trino", address=_address("trino", 8080), catalogs=("lakehouse",))
        args = FlightsArgs(
            foundation=foundation(cluster),
            object_store=store(),
            iceberg_catalog=_catalog(),
            spark=spark,
            trino=trino,
        )
        Flights("flights", args)

    return json.loads(recorded(program).files["flights-pipeline"]["spec.json"])["object_store"]


def test_trino_without_a_key_has_the_stores_address_and_no_credential() -> None:
    keyed, by_role = _trino(_keyed), _trino(_by_role)
    assert set(keyed) - set(by_role) == {"s3.aws-access-key", "s3.aws-secret-key"}
    assert by_role["s3.endpoint"] == "https://s3.eu-central-1.amazonaws.com"
    assert by_role["s3.path-style-access"] == "false"


def test_trino_speaks_googles_own_api() -> None:
    known = _trino(_google)
    assert known["fs.native-gcs.enabled"] == "true"
    assert not [name for name in known if name.startswith(("fs.native-s3", "s3.", "gcs.json"))]


def test_the_catalog_without_a_key_takes_its_environments_credential() -> None:
    known = _nessie(_by_role)
    prefix = "nessie.catalog.service.s3.default-options"
    assert known[f"{prefix}.auth-type"] == "APPLICATION_GLOBAL"
    assert not [name for name in known if name.startswith("store.s3") or name.endswith(".access-key")]
    assert known["nessie.catalog.warehouses.warehouse.location"] == "s3://nebula-warehouse/"


def test_the_catalog_speaks_googles_own_api() -> None:
    known = _nessie(_google)
    assert known["nessie.catalog.service.gcs.default-options.auth-type"] == "APPLICATION_DEFAULT"
    assert known["nessie.catalog.warehouses.warehouse.location"] == "gs://nebula-warehouse/"
    assert not [name for name in known if ".s3." in name]


def test_the_catalog_hands_out_no_credential_of_its_own() -> None:
    for store in (_keyed, _by_role):
        known = _nessie(store)
        assert known["nessie.catalog.service.s3.default-options.request-signing-enabled"] == "false"
        assert not [name for name in known if "client-iam" in name]


def test_spark_without_a_key_has_none_in_its_configuration() -> None:
    keyed, by_role = _spark(_keyed), _spark(_by_role)
    assert {name.rpartition(".")[2] for name in set(keyed) - set(by_role)} == {
        "access-key-id",
        "secret-access-key",
    }
    assert by_role["spark.sql.catalog.lakehouse.io-impl"] == "org.apache.iceberg.aws.s3.S3FileIO"


def test_spark_has_googles_jars_on_its_class_path_only_where_it_needs_them() -> None:
    google = _spark(_google)
    assert google["spark.sql.catalog.lakehouse.io-impl"] == "org.apache.iceberg.gcp.gcs.GCSFileIO"
    for which in ("driver", "executor"):
        assert google[f"spark.{which}.extraClassPath"] == "/opt/spark/gcs/*"
        assert f"spark.{which}.extraClassPath" not in _spark(_by_role)


def test_the_pipelines_spec_holds_a_key_only_where_there_is_one() -> None:
    assert _flights(_keyed)["secret_key"] == "s3-sentinel"
    assert not {"access_key", "secret_key", "protocol"} & set(_flights(_by_role))
    assert _flights(_google)["protocol"] == "gs"


@pytest.mark.parametrize("engine", [_trino, _nessie, _spark, _flights])
def test_a_store_that_asks_for_nothing_is_refused_by_name(engine: Callable[[_Store], object]) -> None:
    with pytest.raises(TypeError, match=r"object_store \(s3\) needs an access key or a workload identity"):
        engine(lambda: _s3(Anonymous()))


def test_a_bucket_is_named_without_its_scheme() -> None:
    found: list[str] = []

    def program(_: RecordingCluster) -> None:
        for store in (_by_role(), _google()):
            store.bucket("bronze").apply(found.append)

    recorded(program)
    assert found == ["nebula-bronze", "nebula-bronze"]
