"""Computes the flights tables a second time, with DuckDB, from the CSV files of the package.

It uses neither the engine, nor the SQL, nor the bronze files of the pipeline. Means are rounded in integers,
and the 90th percentile is the row at position ceil(0.9 n) of the sorted delays.
"""

import itertools
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

FLIGHTS = 336_776
Row = tuple[Any, ...]

# The columns that identify a row; the other columns are compared too.
KEYS = {
    "silver.airlines": ("carrier",),
    "silver.airports": ("faa",),
    "silver.planes": ("tailnum",),
    "silver.weather": ("origin", "time_hour"),
    "silver.flights": ("year", "month", "day", "carrier", "flight", "origin"),
    "gold.delays_by_carrier_month": ("year", "month", "carrier"),
    "gold.delays_by_route": ("origin", "dest"),
    "gold.delays_by_hour_weather": ("origin", "hour", "precipitation", "flight_category"),
}

_SILVER = {
    "airlines": "SELECT carrier, name FROM airlines_csv",
    "airports": "SELECT faa, name, lat, lon, alt, tz, dst, tzone FROM airports_csv",
    "planes": (
        "SELECT tailnum, year, type, manufacturer, model, engines, seats, speed, engine FROM planes_csv"
    ),
    "weather": (
        "SELECT * REPLACE (CASE WHEN wind_speed <= 253 THEN wind_speed END AS wind_speed) FROM weather_csv"
    ),
    "flights": (
        "SELECT *, make_date(year::INT, month::INT, day::INT) AS flight_date, (dep_time IS NULL) "
        "AS cancelled FROM flights_csv"
    ),
}

# `n` flights of a group as one list each: no aggregate is shared with the pipeline's SQL.
_MEASURES = """
    len(dep) AS flights,
    len(list_filter(gone, lambda x: NOT x)) AS cancelled,
    len(list_filter(list_zip(gone, arr), lambda x: x[1] AND x[2] IS NULL)) AS diverted,
    len(deps) AS departed,
    len(arrs) AS arrived,
    len(list_filter(arrs, lambda x: x > 14)) AS arrived_15_late,
    list_sum(deps)::BIGINT AS dep_delay_sum,
    list_sum(arrs)::BIGINT AS arr_delay_sum,
    hundredths(list_sum(deps), len(deps)) AS dep_delay_mean,
    hundredths(list_sum(arrs), len(arrs)) AS arr_delay_mean,
    p90(deps) AS dep_delay_p90,
    p90(arrs) AS arr_delay_p90
"""
_LISTS = """
    list(dep_delay) AS dep, list(arr_delay) AS arr, list(dep_time IS NOT NULL) AS gone,
    coalesce(list_sort(list(dep_delay) FILTER (dep_delay IS NOT NULL)), []) AS deps,
    coalesce(list_sort(list(arr_delay) FILTER (arr_delay IS NOT NULL)), []) AS arrs
"""
_GOLD = {
    "delays_by_carrier_month": f"""
        SELECT year, month, g.carrier, name AS airline, {_MEASURES}
        FROM (SELECT year, month, carrier, {_LISTS} FROM flights_csv GROUP BY ALL) g
        LEFT JOIN airlines_csv a USING (carrier)
    """,
    "delays_by_route": f"""
        SELECT origin, dest, o.name AS origin_name, d.name AS dest_name,
               len(list_distinct(carriers)) AS carriers, {_MEASURES}
        FROM (SELECT origin, dest, list(carrier) AS carriers, {_LISTS} FROM flights_csv GROUP BY ALL) g
        LEFT JOIN airports_csv o ON o.faa = origin LEFT JOIN airports_csv d ON d.faa = dest
    """,
    "delays_by_hour_weather": f"""
        SELECT origin, hour, precipitation, flight_category, {_MEASURES}
        FROM (
            SELECT origin, hour,
                   CASE precip > 0 WHEN true THEN 'wet' WHEN false THEN 'dry' ELSE 'unknown' END
                       AS precipitation,
                   CASE WHEN visib > 5 THEN 'VFR' WHEN visib >= 3 THEN 'MVFR' WHEN visib >= 1 THEN 'IFR'
                        WHEN visib >= 0 THEN 'LIFR' ELSE 'unknown' END AS flight_category,
                   {_LISTS}
            FROM flights_csv LEFT JOIN (SELECT origin, time_hour, precip, visib FROM weather_csv) w
                 USING (origin, time_hour)
            GROUP BY ALL
        )
    """,
}


class Expected:
    """The tables that the pipeline must produce.

    `data` is the directory of the CSV files, `without_months` are months (1 to 12) that are left out, and
    `scratch` is a directory for the unpacked file.
    """

    def __init__(self, data: Path, scratch: Path, without_months: Collection[int] = ()) -> None:
        self._connection = duckdb.connect()
        execute = self._connection.execute
        execute("SET TimeZone = 'UTC'")
        execute("CREATE MACRO p90(l) AS CASE WHEN len(l) > 0 THEN l[(9 * len(l) + 9) // 10] END")
        execute(
            "CREATE MACRO hundredths(s, n) AS CASE WHEN n > 0 "
            "THEN sign(s)::BIGINT * ((200 * abs(s)::BIGINT + n) // (2 * n)) END"
        )
        with zipfile.ZipFile(data / "flights.csv.zip") as archive:
            flights = Path(archive.extract("flights.csv", scratch))
        for name in _SILVER:
            path = flights if name == "flights" else data / f"{name}.csv"
            kept = f"WHERE month NOT IN ({', '.join(map(str, without_months))})"
            execute(
                f"CREATE TABLE {name}_csv AS SELECT * FROM read_csv($path, nullstr = ['NA', ''], "
                f"sample_size = -1) {kept if name == 'flights' and without_months else ''}",
                {"path": str(path)},
            )

    def table(self, name: str) -> tuple[list[str], list[Row]]:
        """Return the column names and rows of the table `name`, `silver.*` or `gold.*`."""
        layer, _, table = name.partition(".")
        query = (_SILVER if layer == "silver" else _GOLD)[table]
        cursor = self._connection.execute(query)
        columns = [column[0] for column in cursor.description or ()]
        means = [index for index, column in enumerate(columns) if column.endswith("_mean")]
        rows = []
        for row in cursor.fetchall():
            values = list(row)
            for index in means:
                if values[index] is not None:
                    values[index] = Decimal(values[index]).scaleb(-2)
            rows.append(tuple(values))
        return columns, rows


def first_difference(
    expected: tuple[Sequence[str], Iterable[Row]],
    actual: tuple[Sequence[str], Iterable[Row]],
    key: Sequence[str],
) -> str | None:
    """Return a description of the first difference between two tables, or None when they hold the same rows.

    Rows are compared in the order of the columns `key`. Columns may come in any order. Numbers are compared
    by value and times in UTC, both exactly.
    """
    columns, found = list(expected[0]), list(actual[0])
    if sorted(columns) != sorted(found):
        return f"columns differ: expected {sorted(columns)}, found {sorted(found)}"
    expected_rows, actual_rows = (
        _arranged(columns, columns, expected[1]),
        _arranged(columns, found, actual[1]),
    )
    if Counter(expected_rows) == Counter(actual_rows):
        return None
    wanted, present = _by_key(columns, expected_rows, key), _by_key(columns, actual_rows, key)
    for ours, theirs in itertools.zip_longest(wanted, present):
        if ours == theirs:
            continue
        if ours is None or (theirs is not None and _order(theirs[0]) < _order(ours[0])):
            return f"unexpected row {_named(key, theirs[0])}"
        if theirs is None or theirs[0] != ours[0]:
            return f"missing row {_named(key, ours[0])}"
        pairs = zip(columns, ours[1], theirs[1], strict=True)
        column, want, have = next(pair for pair in pairs if pair[1] != pair[2])
        return f"row {_named(key, ours[0])}: {column} is {have!r}, expected {want!r}"
    return None


def _arranged(columns: Sequence[str], found: Sequence[str], rows: Iterable[Row]) -> list[Row]:
    """Return the rows with their values in the order of `columns`, and times in UTC."""
    every = list(rows)
    if list(found) != list(columns):
        positions = [found.index(column) for column in columns]
        every = [tuple(row[position] for position in positions) for row in every]
    for index in range(len(columns)):
        first = next((row[index] for row in every if row[index] is not None), None)
        if isinstance(first, datetime):
            every = [(*row[:index], _in_utc(row[index]), *row[index + 1 :]) for row in every]
    return every


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _by_key(columns: Sequence[str], rows: Iterable[Row], key: Sequence[str]) -> list[tuple[Row, Row]]:
    """Return each row with its key, sorted by key and values."""
    keys = [columns.index(column) for column in key]
    keyed = [(tuple(row[index] for index in keys), row) for row in rows]
    return sorted(keyed, key=lambda item: (_order(item[0]), _order(item[1])))


def _order(row: Row) -> tuple[tuple[bool, Any], ...]:
    """Return a sort key for rows that contain nulls."""
    return tuple((value is not None, value) if value is not None else (False, 0) for value in row)


def _named(key: Sequence[str], values: Row) -> str:
    return ", ".join(f"{name}={value}" for name, value in zip(key, values, strict=True))
