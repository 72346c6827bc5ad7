"""Gold: delays by carrier and month, by route, by hour and weather.

Delays are in minutes, negative when early. A flight without a departure time is cancelled; a flight
that left but has no arrival delay was diverted. A mean is the sum over the count, rounded half away from
zero to two decimals; the 90th percentile is the smallest delay that nine tenths do not exceed.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from apps.pipelines.flights.digests import INPUT_DIGEST, digest
from apps.pipelines.flights.session import CATALOG, Session
from apps.pipelines.flights.tables import Summaries, Table, ensure, is_current, replace

_log = logging.getLogger(__name__)

MEAN = "decimal(9,2)"


@dataclass(frozen=True)
class GoldTable:
    """An aggregate of silver: `inputs` are the silver tables that it reads, `keys` the columns that
    identify a row, as name, type and SQL; `labels` depend on the keys."""

    name: str
    inputs: tuple[str, ...]
    keys: tuple[tuple[str, str, str], ...]
    labels: tuple[tuple[str, str, str], ...]
    joins: str

    @property
    def table(self) -> Table:
        described = tuple((name, kind) for name, kind, _ in self.keys + self.labels)
        return Table(f"gold.{self.name}", described + tuple((name, kind) for name, kind, _ in MEASURES))

    @property
    def query(self) -> str:
        """Its rows, ordered by key; the type of every column is cast to the table's."""
        columns = ", ".join(
            f"CAST({expression} AS {kind}) AS {name}"
            for name, kind, expression in self.keys + self.labels + MEASURES
        )
        keys = ", ".join(expression for _, _, expression in self.keys)
        order = ", ".join(name for name, _, _ in self.keys)
        return (
            f"SELECT /*+ COALESCE(1) */ {columns} FROM {CATALOG}.silver.flights f {self.joins} "
            f"GROUP BY {keys} ORDER BY {order}"
        )


def _mean(column: str) -> str:
    return f"round(CAST(sum({column}) AS decimal(18,0)) / nullif(count({column}), 0), 2)"


def _percentile(column: str) -> str:
    return f"percentile_disc(0.9) WITHIN GROUP (ORDER BY {column})"


MEASURES = (
    ("flights", "bigint", "count(*)"),
    ("cancelled", "bigint", "count_if(f.cancelled)"),
    ("diverted", "bigint", "count_if(NOT f.cancelled AND f.arr_delay IS NULL)"),
    ("departed", "bigint", "count(f.dep_delay)"),
    ("arrived", "bigint", "count(f.arr_delay)"),
    ("arrived_15_late", "bigint", "count_if(f.arr_delay >= 15)"),
    ("dep_delay_sum", "bigint", "sum(f.dep_delay)"),
    ("arr_delay_sum", "bigint", "sum(f.arr_delay)"),
    ("dep_delay_mean", MEAN, _mean("f.dep_delay")),
    ("arr_delay_mean", MEAN, _mean("f.arr_delay")),
    ("dep_delay_p90", "int", _percentile("f.dep_delay")),
    ("arr_delay_p90", "int", _percentile("f.arr_delay")),
)

BY_CARRIER_MONTH = GoldTable(
    "delays_by_carrier_month",
    inputs=("flights", "airlines"),
    keys=(
        ("year", "int", "f.year"),
        ("month", "int", "f.month"),
        ("carrier", "string", "f.carrier"),
    ),
    labels=(("airline", "string", "max(a.name)"),),
    joins=f"JOIN {CATALOG}.silver.airlines a ON a.carrier = f.carrier",
)

BY_ROUTE = GoldTable(
    "delays_by_route",
    inputs=("flights", "airports"),
    keys=(("origin", "string", "f.origin"), ("dest", "string", "f.dest")),
    labels=(
        ("origin_name", "string", "max(o.name)"),
        # Four destinations, in the Caribbean, are not among the airports: their name is null.
        ("dest_name", "string", "max(d.name)"),
        ("carriers", "bigint", "count(DISTINCT f.carrier)"),
    ),
    joins=(
        f"JOIN {CATALOG}.silver.airports o ON o.faa = f.origin "
        f"LEFT JOIN {CATALOG}.silver.airports d ON d.faa = f.dest"
    ),
)

BY_HOUR_WEATHER = GoldTable(
    "delays_by_hour_weather",
    inputs=("flights", "weather"),
    keys=(
        ("origin", "string", "f.origin"),
        ("hour", "int", "f.hour"),
        (
            "precipitation",
            "string",
            "CASE WHEN w.precip IS NULL THEN 'unknown' WHEN w.precip > 0 THEN 'wet' ELSE 'dry' END",
        ),
        # The visibility bounds, in statute miles, of the flight categories of the FAA.
        (
            "flight_category",
            "string",
            "CASE WHEN w.visib IS NULL THEN 'unknown' WHEN w.visib < 1 THEN 'LIFR' WHEN w.visib < 3 "
            "THEN 'IFR' WHEN w.visib <= 5 THEN 'MVFR' ELSE 'VFR' END",
        ),
    ),
    labels=(),
    joins=f"LEFT JOIN {CATALOG}.silver.weather w ON w.origin = f.origin AND w.time_hour = f.time_hour",
)

TABLES = (BY_CARRIER_MONTH, BY_ROUTE, BY_HOUR_WEATHER)


def wanted_digest(gold: GoldTable, silver: Mapping[str, str]) -> str:
    """The digest of a gold table, from those of the silver tables by name."""
    transformation = [gold.query, gold.table.columns]
    return digest([transformation, {name: silver[name] for name in gold.inputs}])


def write(session: Session, gold: GoldTable, wanted: str, summaries: Summaries) -> bool:
    """Make a gold table anew unless its current snapshot has the digest `wanted`; returns whether it
    was written."""
    table = gold.table
    if is_current(summaries, table, wanted):
        _log.info("%s: unchanged", table.name)
        return False
    ensure(session, table)
    replace(session, table, gold.query, {INPUT_DIGEST: wanted})
    return True
