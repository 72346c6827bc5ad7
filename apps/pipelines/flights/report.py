"""What a run reports: rows, unmatched references, reconciliation, and answers over gold."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.pipelines.flights import gold, silver
from apps.pipelines.flights.errors import ReconciliationError
from apps.pipelines.flights.warehouse import Warehouse

_log = logging.getLogger(__name__)

TABLES = tuple(
    [each.table.name for each in (*silver.DIMENSIONS, silver.FLIGHTS)]
    + [each.table.name for each in gold.TABLES]
)

# Facts of the data: these do not all match, are kept, and are counted at every run.
UNMATCHED = {
    "flights without a plane in silver.planes": (
        "SELECT count(*) FROM silver.flights f LEFT JOIN silver.planes p ON p.tailnum = f.tailnum "
        "WHERE p.tailnum IS NULL"
    ),
    "flights to an airport not in silver.airports": (
        "SELECT count(*) FROM silver.flights f LEFT JOIN silver.airports a ON a.faa = f.dest "
        "WHERE a.faa IS NULL"
    ),
    "flights in an hour not in silver.weather": (
        "SELECT count(*) FROM silver.flights f LEFT JOIN silver.weather w "
        "ON w.origin = f.origin AND w.time_hour = f.time_hour WHERE w.origin IS NULL"
    ),
}


@dataclass(frozen=True)
class Question:
    """A question that a query over gold answers."""

    title: str
    query: str


QUESTIONS = (
    Question(
        "Which carriers arrive latest? (minutes, mean over the year)",
        """
        SELECT max(airline) AS airline, sum(flights) AS flights, sum(cancelled) AS cancelled,
               CAST(round(CAST(sum(arr_delay_sum) AS decimal(18, 4)) / sum(arrived), 2) AS decimal(9, 2))
                   AS mean_arrival_delay
        FROM gold.delays_by_carrier_month GROUP BY carrier HAVING sum(arrived) > 0
        ORDER BY mean_arrival_delay DESC, airline LIMIT 5
        """,
    ),
    Question(
        "Which routes of 1,000 flights and more arrive latest?",
        """
        SELECT origin, coalesce(dest_name, dest) AS destination, flights,
               arr_delay_mean AS mean_arrival_delay, arr_delay_p90 AS p90_arrival_delay
        FROM gold.delays_by_route WHERE flights >= 1000
        ORDER BY arr_delay_mean DESC, origin, dest LIMIT 5
        """,
    ),
    Question(
        "How much does the weather at departure cost? (minutes, mean)",
        """
        SELECT precipitation, flight_category, sum(flights) AS flights, sum(cancelled) AS cancelled,
               CAST(round(CAST(sum(dep_delay_sum) AS decimal(18, 4)) / sum(departed), 2) AS decimal(9, 2))
                   AS mean_departure_delay
        FROM gold.delays_by_hour_weather GROUP BY precipitation, flight_category HAVING sum(departed) > 0
        ORDER BY mean_departure_delay DESC, precipitation, flight_category LIMIT 5
        """,
    ),
)


def report(warehouse: Warehouse, landed: int) -> dict[str, Any]:
    """`flights` (their number), `tables` (rows by name), `unmatched` (rows by what they lack) and
    `answers` (`question`, `columns`, `rows`; a mean is a number with two decimals).

    Raises ReconciliationError unless silver and every gold table count the `landed` flights, and
    QueryError.
    """
    tables = _counts(warehouse, {name: f"SELECT count(*) FROM {name}" for name in TABLES})
    _reconcile(warehouse, tables, landed)
    unmatched = _counts(warehouse, UNMATCHED)
    for what, count in unmatched.items():
        _log.info("%s: %s, kept", what, f"{count:,}")
    return {
        "flights": tables[silver.FLIGHTS.table.name],
        "tables": tables,
        "unmatched": unmatched,
        "answers": [_answer(warehouse, question) for question in QUESTIONS],
    }


def _counts(warehouse: Warehouse, queries: Mapping[str, str]) -> dict[str, int]:
    """The one number that each query gives, by the queries' names, asked at once."""
    union = " UNION ALL ".join(f"SELECT '{name}', ({query})" for name, query in queries.items())
    found = {name: int(count) for name, count in warehouse.rows(union)}
    return {name: found[name] for name in queries}


def _reconcile(warehouse: Warehouse, tables: Mapping[str, int], landed: int) -> None:
    names = [each.table.name for each in gold.TABLES]
    counted = {silver.FLIGHTS.table.name: tables[silver.FLIGHTS.table.name]}
    counted |= _counts(warehouse, {name: f"SELECT coalesce(sum(flights), 0) FROM {name}" for name in names})
    wrong = [f"{name} counts {count:,}" for name, count in counted.items() if count != landed]
    if wrong:
        raise ReconciliationError(
            f"{landed:,} flights were landed, but {' and '.join(wrong)}; if nobody else writes to these "
            "tables, drop the ones named and run the pipeline again"
        )
    _log.info("reconciled: %s flights in silver and in each gold table", f"{landed:,}")


def _answer(warehouse: Warehouse, question: Question) -> dict[str, Any]:
    columns, rows = warehouse.table(question.query)
    plain = [[float(value) if isinstance(value, Decimal) else value for value in row] for row in rows]
    return {"question": question.title, "columns": columns, "rows": plain}
