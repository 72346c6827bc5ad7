"""The comparison that the end-to-end test rests on must fail for one wrong row."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.flights_expected import FLIGHTS, KEYS, Expected, first_difference

Row = tuple[Any, ...]
COLUMNS = ("id", "name", "mean")
ROWS: list[Row] = [(1, "a", Decimal("1.50")), (2, None, None), (3, "c", Decimal("-0.25"))]


def replaced(index: int, row: Row) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [row if position == index else kept for position, kept in enumerate(rows)]


@pytest.mark.parametrize(
    ("corrupt", "difference"),
    [
        (replaced(0, (1, "b", Decimal("1.50"))), "row id=1: name is 'b', expected 'a'"),
        (replaced(1, (2, "", None)), "row id=2: name is '', expected None"),
        (replaced(2, (3, "c", Decimal("-0.26"))), "row id=3: mean is"),
        (replaced(2, (3, "c", None)), "row id=3: mean is None"),
        (lambda rows: rows[1:], "missing row id=1"),
        (lambda rows: rows[:-1], "missing row id=3"),
        (lambda rows: [*rows, (4, "d", None)], "unexpected row id=4"),
        (lambda rows: [(0, "d", None), *rows], "unexpected row id=0"),
        (lambda rows: [*rows, rows[0]], "unexpected row id=1"),
    ],
)
def test_one_wrong_row_is_found(corrupt: Callable[[list[Row]], list[Row]], difference: str) -> None:
    found = first_difference((COLUMNS, ROWS), (COLUMNS, corrupt(ROWS)), ("id",))
    assert found is not None
    assert found.startswith(difference)


def test_order_of_rows_and_columns_does_not_matter() -> None:
    turned = [row[::-1] for row in reversed(ROWS)]
    assert first_difference((COLUMNS, ROWS), (COLUMNS[::-1], turned), ("id",)) is None


def test_a_missing_column_is_named() -> None:
    found = first_difference((COLUMNS, ROWS), (COLUMNS[:2], [row[:2] for row in ROWS]), ("id",))
    assert found is not None
    assert found.startswith("columns differ")


def test_the_real_tables_have_their_known_sizes_and_one_corrupted_row_is_found(
    data: Path, tmp_path: Path
) -> None:
    expected = Expected(data, tmp_path)
    assert len(expected.table("silver.flights")[1]) == FLIGHTS
    for name, size in {
        "gold.delays_by_carrier_month": 185,
        "gold.delays_by_route": 224,
        "gold.delays_by_hour_weather": 470,
    }.items():
        columns, rows = expected.table(name)
        position = columns.index("arr_delay_sum")
        middle = len(rows) // 2
        wrong = list(rows[middle])
        wrong[position] = (wrong[position] or 0) + 1
        corrupted = [*rows[:middle], tuple(wrong), *rows[middle + 1 :]]
        assert len(rows) == size
        assert sum(row[columns.index("flights")] for row in rows) == FLIGHTS
        assert first_difference((columns, rows), (columns, list(rows)), KEYS[name]) is None
        found = first_difference((columns, rows), (columns, corrupted), KEYS[name])
        assert found is not None
        assert "arr_delay_sum" in found
