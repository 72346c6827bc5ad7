"""A month of flights is removed and added again, on the full stack, with the pipeline that the platform runs.

`make test-long` runs it: tests/apps/pipelines/flights/test_tables.py shows the same with Spark alone.
"""

from functools import cache
from pathlib import Path

from tests.e2e.flights_expected import KEYS, Expected, first_difference
from tests.e2e.flights_tables import Tables, by_pyiceberg, by_trino, csv_files, run_pipeline, snapshots
from tests.e2e.full import FullStack

_MONTH = 7


def differences(full: FullStack, expected: Tables) -> dict[str, str | None]:
    """Of every table: silver by PyIceberg, which is faster at that size, gold by Trino."""
    return {
        table: first_difference(
            expected(table),
            by_trino(full, table) if table.startswith("gold.") else by_pyiceberg(full, table),
            key,
        )
        for table, key in KEYS.items()
    }


def test_a_month_removed_and_added_again_ends_in_the_same_rows_with_its_history(
    full: FullStack, tmp_path: Path
) -> None:
    data = csv_files(full)
    before = snapshots(full)
    run_pipeline(full, [_MONTH])
    for folder in ("whole", "without"):
        (tmp_path / folder).mkdir()
    without = cache(Expected(data, tmp_path / "without", [_MONTH]).table)
    assert not any(differences(full, without).values())
    removed = snapshots(full)

    run_pipeline(full)
    expected = cache(Expected(data, tmp_path / "whole").table)
    assert not any(differences(full, expected).values())
    after = snapshots(full)
    for table in (name for name in KEYS if name.startswith("gold.") or name == "silver.flights"):
        assert len(before[table]) < len(removed[table]) < len(after[table])
        assert after[table][: len(removed[table])] == removed[table]
        assert removed[table][: len(before[table])] == before[table]
