"""The catalog, Trino and Spark work on the same tables."""

import os
import subprocess
import sys
from typing import Any

import pyarrow as pa
import requests

from components.software import SPARK
from providers.local.plugin import os_processes
from tests.e2e.full import CATALOG, FullStack, eventually


def test_tables_outlive_the_catalog_server_and_trino_and_pyiceberg_see_the_same(full: FullStack) -> None:
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", "b", None]})
    table = full.catalog().create_table("silver.probe", rows.schema)
    table.append(rows)

    server = full.stack.servers()["iceberg_catalog"]
    os_processes.end_processes(os_processes.with_descendants([server.pid], os_processes.all_processes()))
    for attempt in eventually(120):
        with attempt:
            catalog = full.catalog()
    assert full.stack.servers()["iceberg_catalog"].pid not in (0, server.pid)
    assert catalog.load_table("silver.probe").scan().to_arrow().to_pylist() == rows.to_pylist()

    full.query("INSERT INTO silver.probe VALUES (4, 'd')")
    assert full.query("SELECT id, name FROM silver.probe ORDER BY id") == (
        ["id", "name"],
        [(1, "a"), (2, "b"), (3, None), (4, "d")],
    )
    assert len(catalog.load_table("silver.probe").scan().to_arrow()) == 4
    catalog.purge_table("silver.probe")


def test_catalog_has_the_namespaces(full: FullStack) -> None:
    assert {("bronze",), ("silver",), ("gold",)} <= set(full.catalog().list_namespaces())


def test_trino_has_its_catalogs_and_works_itself(full: FullStack) -> None:
    catalogs = {name for (name,) in full.query("SHOW CATALOGS")[1]}
    assert {"lakehouse", CATALOG} <= catalogs
    assert set(full.endpoint("trino")["catalogs"]) == {"lakehouse", CATALOG}
    assert full.query("SELECT coordinator, state FROM system.runtime.nodes")[1] == [(True, "active")]
    assert ("gold",) in full.query("SHOW SCHEMAS", CATALOG)[1]


def spark_master(full: FullStack) -> dict[str, Any]:
    answer: dict[str, Any] = requests.get(
        f"http://{full.address('spark-master', 'ui')}/json/", timeout=30
    ).json()
    return answer


def test_spark_has_a_living_worker(full: FullStack) -> None:
    state = spark_master(full)
    assert state["status"] == "ALIVE"
    assert [worker["state"] for worker in state["workers"]] == ["ALIVE"]
    assert full.endpoint("spark")["master"] == state["url"]


def test_plain_pyspark_starts_with_the_java_home_that_users_are_told(full: FullStack) -> None:
    """Without whatever else this stack would set."""
    python = full.home("spark") / "python"
    (bridge,) = (python / "lib").glob("py4j-*.zip")
    program = (
        "from pyspark.sql import SparkSession; "
        "print(SparkSession.builder.master('local[1]').getOrCreate().range(7).count())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "PATH": os.environ["PATH"],
            "JAVA_HOME": full.endpoint("spark")["java_home"],
            "PYTHONPATH": f"{python}{os.pathsep}{bridge}",
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        cwd=full.stack.tmp,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "7\n"


def test_spark_refuses_a_submission_without_its_secret(full: FullStack) -> None:
    before = spark_master(full)
    submitted = subprocess.run(
        [
            full.home("spark") / "bin" / "spark-submit",
            "--master", full.endpoint("spark")["master"],
            "--deploy-mode", "cluster",
            "--class", "org.example.Absent",
            "absent.jar",
        ],
        env={
            "PATH": os.environ["PATH"],
            "JAVA_HOME": full.endpoint("spark")["java_home"],
            "SPARK_HOME": str(full.home("spark")),
            "SPARK_SCALA_VERSION": SPARK.environment["SPARK_SCALA_VERSION"],
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        cwd=full.stack.tmp,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert submitted.returncode != 0
    assert "does not have SASL enabled" in submitted.stderr
    after = spark_master(full)
    assert after["activedrivers"] == []
    assert after["completeddrivers"] == before["completeddrivers"]
