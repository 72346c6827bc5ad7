"""The flights of 2013 from New York go through Spark into Iceberg, and Trino answers queries about them.

The last test leaves a corrupted row behind. tests/e2e/test_flights_months.py takes a month away and back.
"""

from functools import cache
from pathlib import Path

import pytest

from apps.projections.nats_connection import Login
from apps.projections.spec import Projection
from tests.apps.projections import flights
from tests.apps.projections.consuming import consume, shard, views
from tests.apps.projections.nats_server import publish, stream_of
from tests.e2e.flights_expected import FLIGHTS, KEYS, Expected, first_difference
from tests.e2e.flights_tables import Tables, by_pyiceberg, by_trino, csv_files, run_pipeline, snapshots
from tests.e2e.full import FullStack


@pytest.fixture(scope="module")
def data(full: FullStack) -> Path:
    return csv_files(full)


@pytest.fixture(scope="module")
def expected(data: Path, scratch_directory: Path) -> Tables:
    return cache(Expected(data, scratch_directory).table)


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
