"""Silver: the landed files typed, cleaned and checked, one Iceberg table each."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.pipelines.flights.digests import INPUT_DIGEST, MONTH_DIGESTS, digest, month_digests
from apps.pipelines.flights.errors import KeyCheckError
from apps.pipelines.flights.session import CATALOG, Session
from apps.pipelines.flights.source import SourceFile
from apps.pipelines.flights.tables import Summaries, Table, ensure, is_current, replace

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SilverTable:
    """How a source becomes a table.

    `source` are the CSV file's columns and their types; `derived` are further columns, as SQL over the
    typed ones; `cleaned` replaces a typed column. `key` is unique and never null; `references` maps a
    column to `table.column` of silver, in which each of its values is found.
    """

    name: str
    source: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    derived: tuple[tuple[str, str, str], ...] = ()
    cleaned: tuple[tuple[str, str], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    partitioned_by: str | None = None

    @property
    def table(self) -> Table:
        derived = tuple((name, kind) for name, kind, _ in self.derived)
        return Table(f"silver.{self.name}", self.source + derived, self.partitioned_by)

    def query(self, landed: str) -> str:
        """The table's rows from the view `landed`, whose columns are text; a value that is not of its
        type fails (ANSI casts), `NA` and nothing become null."""
        cleaned = dict(self.cleaned)
        typed = ", ".join(
            f"CAST(nullif(nullif(trim({name}), ''), 'NA') AS {kind}) AS {name}" for name, kind in self.source
        )
        columns = [f"{cleaned[name]} AS {name}" if name in cleaned else name for name, _ in self.source]
        columns += [f"{expression} AS {name}" for name, _, expression in self.derived]
        return f"SELECT {', '.join(columns)} FROM (SELECT {typed} FROM {landed})"


AIRLINES = SilverTable("airlines", (("carrier", "string"), ("name", "string")), key=("carrier",))

AIRPORTS = SilverTable(
    "airports",
    (
        ("faa", "string"),
        ("name", "string"),
        ("lat", "double"),
        ("lon", "double"),
        ("alt", "int"),
        ("tz", "int"),
        ("dst", "string"),
        ("tzone", "string"),
    ),
    key=("faa",),
)

PLANES = SilverTable(
    "planes",
    (
        ("tailnum", "string"),
        ("year", "int"),
        ("type", "string"),
        ("manufacturer", "string"),
        ("model", "string"),
        ("engines", "int"),
        ("seats", "int"),
        ("speed", "int"),
        ("engine", "string"),
    ),
    key=("tailnum",),
)

WEATHER = SilverTable(
    "weather",
    (
        ("origin", "string"),
        ("year", "int"),
        ("month", "int"),
        ("day", "int"),
        ("hour", "int"),
        ("temp", "double"),
        ("dewp", "double"),
        ("humid", "double"),
        ("wind_dir", "int"),
        ("wind_speed", "double"),
        ("wind_gust", "double"),
        ("precip", "double"),
        ("pressure", "double"),
        ("visib", "double"),
        ("time_hour", "timestamp"),
    ),
    # The local hour is not in the key: it comes twice on the night that summer time ends.
    key=("origin", "time_hour"),
    # The strongest gust ever measured is 253 mph; the file has a wind of 1048 mph.
    cleaned=(("wind_speed", "if(wind_speed > 253, NULL, wind_speed)"),),
    references=(("origin", "airports.faa"),),
)

FLIGHTS = SilverTable(
    "flights",
    (
        ("year", "int"),
        ("month", "int"),
        ("day", "int"),
        ("dep_time", "int"),
        ("sched_dep_time", "int"),
        ("dep_delay", "int"),
        ("arr_time", "int"),
        ("sched_arr_time", "int"),
        ("arr_delay", "int"),
        ("carrier", "string"),
        ("flight", "int"),
        ("tailnum", "string"),
        ("origin", "string"),
        ("dest", "string"),
        ("air_time", "int"),
        ("distance", "int"),
        ("hour", "int"),
        ("minute", "int"),
        ("time_hour", "timestamp"),
    ),
    key=("year", "month", "day", "carrier", "flight", "origin"),
    derived=(
        ("flight_date", "date", "make_date(year, month, day)"),
        ("cancelled", "boolean", "dep_time IS NULL"),
    ),
    references=(("carrier", "airlines.carrier"), ("origin", "airports.faa")),
    partitioned_by="month",
)

DIMENSIONS = (AIRLINES, AIRPORTS, PLANES, WEATHER)


@dataclass(frozen=True)
class Plan:
    """What a silver table is to be made from.

    `paths` maps each object's URI to its month (None for a dimension). `months` are the digests by
    month, and `digest` that of the whole input with the transformation.
    """

    silver: SilverTable
    paths: Mapping[str, int | None]
    digest: str
    months: Mapping[int, str]


def plan(silver: SilverTable, files: Sequence[SourceFile], bronze: str) -> Plan:
    """The plan for `silver` from those of `files` that are its own; `bronze` is the bucket's URI."""
    own = [file for file in files if file.table == silver.name]
    transformation = [silver.query("landed"), silver.table.columns, silver.partitioned_by]
    months = {file.month: digest([file.sha256, transformation]) for file in own if file.month is not None}
    return Plan(
        silver,
        {f"{bronze}/{file.key}": file.month for file in own},
        digest([transformation, sorted(file.sha256 for file in own)]),
        months,
    )


def write(session: Session, plan: Plan, summaries: Summaries) -> bool:
    """Bring a silver table to its plan; months that did not change stay as they are.

    Returns whether a snapshot was written. Raises KeyCheckError, with nothing written, if a key is
    not unique or a reference is not found.
    """
    table = plan.silver.table
    if is_current(summaries, table, plan.digest):
        _log.info("%s: unchanged", table.name)
        return False
    recorded = month_digests(summaries.get(table.name, {})) if ensure(session, table) else {}
    changed = {
        month for month in plan.months.keys() | recorded if plan.months.get(month) != recorded.get(month)
    }
    partial = bool(recorded and changed)
    paths = [path for path, month in plan.paths.items() if not partial or month in changed]
    landed, staged = f"landed_{plan.silver.name}", f"staged_{plan.silver.name}"
    properties = {INPUT_DIGEST: plan.digest}
    if plan.months:
        properties[MONTH_DIGESTS] = json.dumps(dict(sorted(plan.months.items())))
    where = f"month IN ({', '.join(map(str, sorted(changed)))})" if partial else "true"
    if not paths:
        replace(session, table, f"SELECT * FROM {table.full_name} WHERE false", properties, where)
        return True
    session.view_of_csv(landed, paths, [name for name, _ in plan.silver.source])
    with session.cached_view(staged, plan.silver.query(landed)):
        check(session, plan.silver, staged)
        replace(session, table, f"SELECT * FROM {staged}", properties, where)
    return True


def check(session: Session, silver: SilverTable, staged: str) -> None:
    """Raise KeyCheckError unless the key of `staged` is unique and not null and all references hold."""
    key = ", ".join(f"s.{column}" for column in silver.key)
    absent = " OR ".join(f"s.{column} IS NULL" for column in silver.key)
    counts = ["count(*)", f"count(DISTINCT {key})", f"count_if({absent})"]
    joins = []
    for column, target in silver.references:
        table, _, target_column = target.partition(".")
        counts.append(f"count_if(s.{column} IS NOT NULL AND {table}.{target_column} IS NULL)")
        joins.append(f"LEFT JOIN {CATALOG}.silver.{table} {table} ON {table}.{target_column} = s.{column}")
    ((rows, distinct, nulls, *unmatched),) = session.rows(
        f"SELECT {', '.join(counts)} FROM {staged} s {' '.join(joins)}"
    )
    names = ", ".join(silver.key)
    problems = []
    if nulls:
        problems.append(f"{nulls:,} rows have no {names}")
    if distinct + nulls < rows:
        problems.append(f"{rows - distinct - nulls:,} rows repeat the key {names}")
    for (column, target), count in zip(silver.references, unmatched, strict=True):
        if count:
            problems.append(f"{count:,} rows have a {column} that is not in silver.{target}")
    if problems:
        raise KeyCheckError(
            f"silver.{silver.name} was not written: {'; '.join(problems)}; look at the files in bronze"
        )
