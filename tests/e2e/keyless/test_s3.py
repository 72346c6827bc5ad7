"""The flights pass through bronze, Iceberg and Trino without a key in any file.

The catalog, Trino, Spark and the pipeline's own client get their keys from an agent beside the pod. The
servers are real; the agent is a stand-in, and MinIO with temporary credentials stands in for AWS.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider

from tests.apps.provisioner.servers import free_port, home, running
from tests.e2e.keyless import engines
from tests.e2e.keyless.agent import Agent, running_agent
from tests.e2e.keyless.pipeline import Pipeline, landed, query

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Engines:
    agent: Agent
    secrets: tuple[str, ...]
    directory: Path
    ports: Mapping[str, int]


def _temporary_credentials(port: int, root: tuple[str, str]) -> Mapping[str, str]:
    """Return the credentials of a session, which expire as a role's do, for a user who can access both
    buckets."""
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
                engines.catalog(lambda: engines.s3(ports["s3"])),
                {"http": ports["catalog"], "management": ports["management"]},
            ),
            (
                "trino",
                engines.trino(lambda: engines.s3(ports["s3"]), ports["catalog"]),
                {"http": ports["trino"]},
            ),
        ):
            stack.enter_context(
                engines.started(cluster, name, own, scratch_directory / name, agent.environment(name))
            )
        known = (credentials["AccessKeyId"], credentials["SecretAccessKey"], root[1])
        yield Engines(agent, known, scratch_directory, ports)


@pytest.fixture(scope="module")
def result(started: Engines) -> Any:
    ports = started.ports
    store = {"endpoint": f"127.0.0.1:{ports['s3']}"}
    environment = started.agent.environment("flights")
    work = started.directory / "flights"
    return Pipeline(store, ports["catalog"], ports["trino"], work, environment).run()


def test_the_pipeline_runs_whole_without_a_key(result: Any) -> None:
    assert result["flights"] == landed() > 0


def test_trino_reads_and_writes_without_a_key(started: Engines, result: Any) -> None:
    port = started.ports["trino"]
    assert query(port, "SELECT count(*) FROM lakehouse.silver.flights") == [[landed()]]
    query(port, "CREATE TABLE lakehouse.silver.written AS SELECT 7 AS n")
    assert query(port, "SELECT n FROM lakehouse.silver.written") == [[7]]


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
