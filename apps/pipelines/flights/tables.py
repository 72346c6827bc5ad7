"""Iceberg tables: how they are made, and replaced only when their input changed."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from apps.pipelines.flights.digests import INPUT_DIGEST
from apps.pipelines.flights.session import CATALOG, Session

Summaries = Mapping[str, Mapping[str, str]]
"""By a table's name, the summary of the snapshot that it was at when the run began, if there was one."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Table:
    """An Iceberg table: `name` is `schema.table`, `columns` are names and Spark SQL types."""

    name: str
    columns: tuple[tuple[str, str], ...]
    partitioned_by: str | None = None

    @property
    def full_name(self) -> str:
        return f"{CATALOG}.{self.name}"


def is_current(summaries: Summaries, table: Table, wanted: str) -> bool:
    """True if the table's current snapshot was made from the input with digest `wanted`."""
    return summaries.get(table.name, {}).get(INPUT_DIGEST) == wanted


def ensure(session: Session, table: Table) -> bool:
    """Make the table if it is missing; if its columns differ, replace it (its snapshots stay).

    Returns whether it was there, with these columns.
    """
    found = session.columns(table.name)
    if found == list(table.columns):
        return True
    session.execute(f"CREATE NAMESPACE IF NOT EXISTS {CATALOG}.{table.name.partition('.')[0]}")
    columns = ", ".join(f"{name} {kind}" for name, kind in table.columns)
    partition = f"PARTITIONED BY ({table.partitioned_by})" if table.partitioned_by else ""
    session.execute(
        f"CREATE {'OR REPLACE ' if found else ''}TABLE {table.full_name} ({columns}) USING iceberg "
        f"{partition} TBLPROPERTIES ('format-version' = '2')"
    )
    return False


def replace(
    session: Session, table: Table, query: str, properties: Mapping[str, str], where: str = "true"
) -> None:
    """Replace the rows that match `where` by those of `query`, in one commit."""
    session.overwrite(table.name, query, where, properties)
    ((rows,),) = session.rows(f"SELECT count(*) FROM {table.full_name}")
    _log.info("%s: %s rows", table.name, f"{rows:,}")
