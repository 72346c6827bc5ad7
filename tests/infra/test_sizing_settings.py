"""A size that nothing would heed, or that the cloud cannot serve, is refused where it is written."""

from typing import Any

import pytest
from pydantic import ValidationError

from infra.declared import SIZES, WORKLOADS
from infra.settings import Settings


def _settings(sizing: object, cloud: str = "kubernetes", **more: object) -> Settings:
    return Settings.model_validate({"cloud": cloud, "sizing": sizing, "demo": True, **more})


def _refused(sizing: object, cloud: str = "kubernetes", **more: object) -> str:
    with pytest.raises(ValidationError) as caught:
        _settings(sizing, cloud, **more)
    (error,) = caught.value.errors()
    place = ".".join(str(part) for part in (*error["loc"], *error.get("ctx", {}).get("key", ())))
    return f"{place}: {error['msg']}"


def test_a_machine_has_no_further_trino_workers() -> None:
    message = _refused({"trino-worker": {"replicas": 1}}, "local")
    assert message.startswith("sizing.trino-worker: cloud local runs no trino-worker")


def test_a_cluster_has_no_master_of_spark() -> None:
    message = _refused({"spark-master": {"memory": 1024}})
    assert message.startswith("sizing.spark-master: cloud kubernetes runs no spark-master")


@pytest.mark.parametrize("name", ["kafka", "keycloak", "nats", "spark-worker", "iceberg_catalog"])
def test_a_machine_runs_one_of_each(name: str) -> None:
    message = _refused({name: {"replicas": 2}}, "local")
    assert message.startswith(f"sizing.{name}.replicas: {name} has 2 replicas: cloud local runs one")


def test_a_size_of_several_replicas_is_refused_on_a_machine_at_its_own_line() -> None:
    assert _refused({}, "local", size="production").startswith("size: kafka has 3 replicas")


@pytest.mark.parametrize("name", ["kafka", "keycloak", "nats", "spark-worker", "iceberg_catalog"])
def test_no_replicas_at_all_are_refused(name: str) -> None:
    assert _refused({name: {"replicas": 0}}).startswith(f"sizing.{name}.replicas: {name} needs 1")


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("postgres", "replicas", "postgres runs once"),
        ("redis", "replicas", "redis runs once"),
        ("object_store", "replicas", "object_store runs once"),
        ("trino", "replicas", "trino runs once"),
        ("flights", "replicas", "flights runs once"),
        ("kafka", "max_replicas", "does not follow the load"),
        ("postgres", "heap", "postgres is no JVM"),
        ("nats", "heap", "nats is no JVM"),
        ("trino", "volume", "keeps nothing on a volume"),
        ("keycloak", "volume", "keeps nothing on a volume"),
    ],
)
def test_what_a_workload_does_not_have_is_refused(name: str, key: str, said: str) -> None:
    message = _refused({name: {key: 64}})
    assert message.startswith(f"sizing.{name}.{key}: ")
    assert said in message


@pytest.mark.parametrize(
    ("sizing", "more"),
    [
        ({"kafka": {"memory": 2048}}, {"components": {"kafka": False}}),
        ({"spark-worker": {"memory": 4096}}, {"components": {"spark": False}, "demo": False}),
        ({"flights": {"memory": 4096}}, {"demo": False}),
        ({"projections": {"memory": 1024}}, {}),
        (
            {"kafka": {"memory": 2048}},
            {"external": {"kafka": {"bootstrap_servers": ["k:9092"], "tls": "disabled"}}},
        ),
    ],
)
def test_a_workload_that_does_not_run_has_no_size(sizing: dict[str, object], more: dict[str, Any]) -> None:
    (name,) = sizing
    message = _refused(sizing, **more)
    assert message.startswith(f"sizing.{name}: ")
    assert "is not run by this stack" in message


def test_what_the_cloud_serves_has_the_size_that_the_cloud_gives_it() -> None:
    gcp = {"project": "my-project", "region": "europe-west3", "api_access": ["10.0.0.0/8"]}
    message = _refused({"postgres": {"memory": 4096}}, "gcp", gcp=gcp)
    assert message.startswith("sizing.postgres: cloud gcp serves postgres itself")


def test_a_heap_that_does_not_fit_is_refused_at_its_line() -> None:
    assert _refused({"trino": {"heap": 4096}}).startswith("sizing.trino.heap: trino: a heap of 4096 MiB")


def test_memory_that_leaves_a_jvm_no_heap_is_refused() -> None:
    assert _refused({"kafka": {"memory": 64}}).startswith("sizing.kafka.memory: leaves a heap of 26 MiB")


def test_an_executor_that_spark_would_refuse_is_refused() -> None:
    message = _refused({"spark-worker": {"memory": 512}})
    assert message == "sizing.spark-worker.memory: spark-worker needs 840 MiB on a cluster"


def test_fewer_replicas_at_most_than_always_are_refused() -> None:
    message = _refused({"trino-worker": {"replicas": 3, "max_replicas": 2}})
    assert message.startswith("sizing.trino-worker.max_replicas: is less than the 3 replicas")


def test_every_other_size_is_taken() -> None:
    sizing: dict[str, dict[str, int]] = {name: {"memory": 8192} for name in WORKLOADS}
    for absent in ("spark-master", "projections"):
        del sizing[absent]
    sizing["trino-worker"] |= {"replicas": 2, "max_replicas": 4}
    sizing["kafka"] |= {"replicas": 3, "volume": 20, "heap": 1024}
    settings = _settings(sizing)
    assert settings.workload_sizes["kafka"].replicas == 3
    assert settings.workload_sizes["trino-worker"].max_replicas == 4
    assert settings.workload_sizes["spark-master"] == SIZES["laptop"]["spark-master"]


def test_cores_that_would_round_to_none_are_refused() -> None:
    assert _refused({"trino": {"cpu": 0.0001}}).startswith("sizing.trino.cpu: ")
    assert _settings({"trino": {"cpu": 0.01}}).workload_sizes["trino"].cpu == 0.01
