"""The lakehouse as Trino sees it: queries, and the snapshots that tables are at."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import requests
import trino.dbapi
import trino.exceptions

from apps.pipelines.flights.errors import QueryError
from apps.pipelines.flights.spec import Trino

Row = tuple[Any, ...]

_PATIENCE_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Warehouse:
    """A connection to Trino. Tables are named `schema.table` in the spec's catalog."""

    def __init__(self, connection: trino.dbapi.Connection, address: str) -> None:
        self._connection = connection
        self._address = address

    def rows(self, query: str) -> list[Row]:
        """The rows of a query. Raises QueryError."""
        return self.table(query)[1]

    def table(self, query: str) -> tuple[list[str], list[Row]]:
        """The column names and rows of a query that reads. It is asked again for a while when what Trino
        itself asks (the catalog, the store) fails: Postgres, or the catalog, may just have been restarted.

        Raises QueryError.
        """
        deadline, pause = time.monotonic() + _PATIENCE_SECONDS, 0.5
        while True:
            try:
                return self._asked(query)
            except trino.exceptions.TrinoExternalError as error:
                if time.monotonic() + pause > deadline:
                    raise self._refused(query, error) from error
                _log.info("asking again in %.1f s: %s", pause, error.error_name)
                time.sleep(pause)
                pause = min(2 * pause, 8)
            except trino.exceptions.TrinoQueryError as error:
                raise self._refused(query, error) from error
            except (trino.exceptions.Error, requests.RequestException) as error:
                raise QueryError(
                    f"Trino at {self._address} does not answer: {error}; check that it runs"
                ) from error

    def _asked(self, query: str) -> tuple[list[str], list[Row]]:
        cursor = self._connection.cursor()
        try:
            cursor.execute(query)
            rows = [tuple(row) for row in cursor.fetchall()]
            return [column.name for column in cursor.description or ()], rows
        finally:
            cursor.close()

    def _refused(self, query: str, error: trino.exceptions.TrinoQueryError) -> QueryError:
        return QueryError(
            f"Trino at {self._address} refused a query: {error.error_name}: {error.message} "
            f"({' '.join(query.split())[:200]}); see the query in Trino's web interface"
        )

    def snapshot_summaries(self, schemas: Sequence[str]) -> dict[str, dict[str, str]]:
        """The summary of the current snapshot of each table of `schemas` that has one. Raises QueryError."""
        names = ", ".join(f"'{schema}'" for schema in schemas)
        tables = self.rows(
            f"SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ({names})"
        )
        if not tables:
            return {}
        query = " UNION ALL ".join(
            f"SELECT '{schema}.{table}', s.summary FROM {schema}.\"{table}$snapshots\" s "
            f"JOIN {schema}.\"{table}$refs\" r ON r.snapshot_id = s.snapshot_id WHERE r.name = 'main'"
            for schema, table in tables
        )
        return {table: dict(summary) for table, summary in self.rows(query)}


@contextmanager
def connect(spec: Trino) -> Iterator[Warehouse]:
    """A connection to the spec's Trino, closed at the end."""
    with requests.Session() as http:
        # Trino is a server of the platform: no proxy stands between.
        http.trust_env = False
        connection = trino.dbapi.Connection(
            host=spec.host,
            port=spec.port,
            user=spec.user,
            catalog=spec.catalog,
            source="flights",
            http_session=http,
            request_timeout=60,
        )
        with closing(connection):
            yield Warehouse(connection, f"{spec.host}:{spec.port}")
