"""The catalog, Trino and Spark use Google's storage over its own API, without a key in any file.

The engines are real; the metadata server and the storage are stand-ins. The storage does not check tokens,
but the engines must have fetched one. The test also configures the storage's address. The pipeline's own
client is left out, because it uses the older of Google's two APIs, which the stand-in lacks.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.apps.provisioner.servers import free_port, home, running
from tests.e2e.keyless import engines
from tests.e2e.keyless.metadata_server import MetadataServer, running_metadata_server
from tests.e2e.keyless.pipeline import Pipeline, query

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Engines:
    pods: Mapping[str, MetadataServer]
    directory: Path
    ports: Mapping[str, int]
    store: str


@pytest.fixture(scope="module")
def started(scratch_directory: Path) -> Iterator[Engines]:
    ports = {name: free_port() for name in ("gs", "catalog", "management", "trino")}
    store = f"http://127.0.0.1:{ports['gs']}"
    with ExitStack() as stack:
        directory = scratch_directory / "gs"
        directory.mkdir()
        command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--in-memory"]
        command += ["--host", "127.0.0.1", "--port", str(ports["gs"])]
        stack.enter_context(running(command, directory, ports["gs"]))
        for bucket in ("bronze", "warehouse"):
            made = requests.post(f"{store}/storage/v1/b?project=project", json={"name": bucket}, timeout=30)
            made.raise_for_status()
        pods = {
            name: stack.enter_context(running_metadata_server())
            for name in ("iceberg_catalog", "trino", "flights")
        }
        host = f"nessie.catalog.service.gcs.default-options.host={store}"
        for name, cluster, own in (
            (
                "iceberg_catalog",
                engines.catalog(lambda: engines.gs(ports["gs"]), host),
                {"http": ports["catalog"], "management": ports["management"]},
            ),
            (
                "trino",
                engines.trino(lambda: engines.gs(ports["gs"]), ports["catalog"], f"gcs.endpoint={store}"),
                {"http": ports["trino"]},
            ),
        ):
            environment = pods[name].environment
            stack.enter_context(engines.started(cluster, name, own, scratch_directory / name, environment))
        yield Engines(pods, scratch_directory, ports, store)


_CSV = b"carrier,name\nAA,American\nB6,JetBlue\n"
_SCRIPT = """\
import sys
from pathlib import Path
from apps.kit.settings import load
from apps.pipelines.flights import session
from apps.pipelines.flights.spec import SPEC

with session.connect(load(Path(sys.argv[1]), SPEC)) as spark:
    spark.view_of_csv("airlines", ["gs://bronze/airlines.csv"], ["carrier", "name"])
    spark.execute("CREATE TABLE lakehouse.silver.airlines AS SELECT * FROM airlines")
    print(spark.rows("SELECT carrier FROM lakehouse.silver.airlines ORDER BY carrier"))
"""


@pytest.fixture(scope="module")
def printed(started: Engines) -> str:
    """Return the output of the pipeline's session, which reads files through Hadoop, and writes and reads an
    Iceberg table."""
    put = f"{started.store}/upload/storage/v1/b/bronze/o?uploadType=media&name=airlines.csv"
    requests.post(put, data=_CSV, headers={"Content-Type": "text/csv"}, timeout=30).raise_for_status()
    jars = str(home("spark") / "gcs" / "*")
    conf = {f"spark.{which}.extraClassPath": jars for which in ("driver", "executor")}
    return Pipeline(
        {"protocol": "gs", "endpoint": f"127.0.0.1:{started.ports['gs']}"},
        started.ports["catalog"],
        started.ports["trino"],
        started.directory / "flights",
        started.pods["flights"].environment,
        conf={**conf, "spark.hadoop.fs.gs.storage.root.url": f"{started.store}/"},
        properties={"gcs.service.host": started.store},
    ).run_script(_SCRIPT)


def test_spark_reads_files_and_writes_tables_without_a_key(printed: str) -> None:
    assert printed == "[('AA',), ('B6',)]\n"


def test_trino_reads_and_writes_without_a_key(started: Engines, printed: str) -> None:
    port = started.ports["trino"]
    assert query(port, "SELECT count(*) FROM lakehouse.silver.airlines") == [[2]]
    query(port, "CREATE TABLE lakehouse.silver.written AS SELECT 7 AS n")
    assert query(port, "SELECT n FROM lakehouse.silver.written") == [[7]]


def test_each_engine_asked_for_a_token_of_its_own(started: Engines, printed: str) -> None:
    assert {name for name, pod in started.pods.items() if pod.asked} == set(started.pods)
