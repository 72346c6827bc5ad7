"""Silver and gold by a real Spark in this process, on eight days of winter, against DuckDB."""

import dataclasses
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from apps.pipelines.flights import gold, session, silver, source
from apps.pipelines.flights.digests import INPUT_DIGEST
from apps.pipelines.flights.errors import KeyCheckError, SparkError
from apps.pipelines.flights.session import Session
from apps.pipelines.flights.source import SourceFile
from apps.pipelines.flights.spec import SPEC
from tests.apps.provisioner.servers import home
from tests.e2e.flights_expected import KEYS, Expected, first_difference

# py4j, Spark's bridge, leaves its idle sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LATER = range(3, 13)
SILVER = (*silver.DIMENSIONS, silver.FLIGHTS)
TABLES = [each.table.name for each in (*SILVER, *gold.TABLES)]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    directory = tmp_path_factory.mktemp("a lakehouse")
    spec = SPEC.validate_python(
        {
            "object_store": {"endpoint": "127.0.0.1:1", "access_key": "none", "secret_key": "none"},
            "catalog": {
                "uri": "",
                "warehouse": str(directory / "warehouse"),
                "properties": {"type": "hadoop", "io-impl": "org.apache.iceberg.hadoop.HadoopFileIO"},
            },
            "spark": {"master": "local[2]", "driver_host": "127.0.0.1"},
            "trino": {"host": "127.0.0.1", "port": 1, "user": "none"},
            "work": str(directory),
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_HOME", str(home("spark")))
        patch.setenv("JAVA_HOME", str(home("java-21")))
        with session.connect(spec) as connected:
            yield connected


class Lakehouse:
    """The tables, and the bronze folder that they are made from."""

    def __init__(self, spark: Session, bronze: Path) -> None:
        self.spark = spark
        self.bronze = bronze

    def bring_to(self, files: Sequence[SourceFile]) -> list[str]:
        """Silver and gold from `files`; the tables that were written."""
        for file in files:
            path = self.bronze / file.key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
        summaries = {table: summary for table in TABLES if (summary := self.summary(table))}
        plans = [silver.plan(each, files, self.bronze.as_uri()) for each in SILVER]
        inputs = {plan.silver.name: plan.digest for plan in plans}
        written = [plan.silver.table.name for plan in plans if silver.write(self.spark, plan, summaries)]
        wanted = {each: gold.wanted_digest(each, inputs) for each in gold.TABLES}
        return written + [
            each.table.name for each in gold.TABLES if gold.write(self.spark, each, wanted[each], summaries)
        ]

    def summary(self, table: str) -> Mapping[str, str]:
        if not self.spark.columns(table):
            return {}
        rows = self.spark.rows(
            f"SELECT s.summary FROM lakehouse.{table}.snapshots s JOIN lakehouse.{table}.refs r "
            "ON r.snapshot_id = s.snapshot_id WHERE r.name = 'main'"
        )
        return rows[0][0] if rows else {}

    def snapshots(self) -> dict[str, int]:
        return {
            table: self.spark.rows(f"SELECT count(*) FROM lakehouse.{table}.snapshots")[0][0]
            for table in TABLES
        }

    def rows(self, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        columns = [name for name, _ in self.spark.columns(table)]
        return columns, self.spark.rows(f"SELECT * FROM lakehouse.{table}")

    def difference(self, expected: Expected) -> str | None:
        for table in TABLES:
            found = first_difference(expected.table(table), self.rows(table), KEYS[table])
            if found:
                return f"{table}: {found}"
        return None


@pytest.fixture(scope="module")
def few(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CSV files with the flights and the weather of 1 to 4 January and February alone."""
    folder = tmp_path_factory.mktemp("few")
    for table in ("airlines", "airports", "planes"):
        shutil.copy(data / f"{table}.csv", folder)
    kept = re.compile(rb"(year|2013),(month|1|2),(day|[1-4]),")
    weather = (data / "weather.csv").read_bytes().splitlines(keepends=True)
    (folder / "weather.csv").write_bytes(b"".join(line for line in weather if kept.search(line)))
    with zipfile.ZipFile(data / "flights.csv.zip") as whole:
        lines = whole.read("flights.csv").splitlines(keepends=True)
    with zipfile.ZipFile(folder / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", b"".join(line for line in lines if kept.match(line)))
    return folder


@pytest.fixture(scope="module")
def winter(few: Path) -> list[SourceFile]:
    return source.read(few, LATER)


@pytest.fixture(scope="module")
def lakehouse(
    spark: Session, winter: list[SourceFile], tmp_path_factory: pytest.TempPathFactory
) -> Lakehouse:
    made = Lakehouse(spark, tmp_path_factory.mktemp("bronze"))
    assert made.bring_to(winter) == TABLES
    return made


def expected(few: Path, scratch: Path, *without: int) -> Expected:
    return Expected(few, scratch, [*LATER, *without])


def test_every_row_is_as_computed_independently(lakehouse: Lakehouse, few: Path, tmp_path: Path) -> None:
    assert lakehouse.difference(expected(few, tmp_path)) is None


def test_the_same_files_again_make_no_snapshot(lakehouse: Lakehouse, winter: list[SourceFile]) -> None:
    before = lakehouse.snapshots()
    assert lakehouse.bring_to(winter) == []
    assert lakehouse.snapshots() == before


def test_a_month_goes_and_comes_back_and_history_stays(
    lakehouse: Lakehouse, winter: list[SourceFile], few: Path, tmp_path: Path
) -> None:
    touched = ["silver.flights", *(each.table.name for each in gold.TABLES)]
    january = "SELECT file_path FROM lakehouse.silver.flights.files WHERE partition.month = 1"
    files, before = lakehouse.spark.rows(january), lakehouse.snapshots()
    assert files
    assert lakehouse.bring_to([file for file in winter if file.month != 2]) == touched
    assert lakehouse.difference(expected(few, tmp_path, 2)) is None
    assert lakehouse.bring_to(winter) == touched
    assert lakehouse.difference(expected(few, tmp_path)) is None
    assert lakehouse.spark.rows(january) == files
    assert lakehouse.snapshots() == {table: count + 2 * (table in touched) for table, count in before.items()}


def test_a_table_that_someone_else_wrote_to_is_made_whole_again(
    lakehouse: Lakehouse, winter: list[SourceFile], few: Path, tmp_path: Path
) -> None:
    lakehouse.spark.execute("DELETE FROM lakehouse.silver.flights WHERE month = 1")
    lakehouse.spark.execute("DELETE FROM lakehouse.silver.airlines")
    assert lakehouse.bring_to(winter) == ["silver.airlines", "silver.flights"]
    assert lakehouse.difference(expected(few, tmp_path)) is None


@pytest.mark.parametrize(
    ("table", "line", "problem"),
    [
        ("airlines", b"AA,American Again\n", "1 rows repeat the key carrier"),
        ("airlines", b"NA,Nobody\n", "1 rows have no carrier"),
        ("weather", b"XXX" + b",1" * 13 + b",2013-01-01T06:00:00Z\n", "1 rows have a origin that is not in"),
    ],
)
def test_a_broken_key_is_refused_and_nothing_is_written(
    lakehouse: Lakehouse, winter: list[SourceFile], table: str, line: bytes, problem: str
) -> None:
    before = lakehouse.snapshots()
    with pytest.raises(KeyCheckError, match=f"silver.{table} was not written: {problem}"):
        lakehouse.bring_to(with_line(winter, table, line))
    assert lakehouse.snapshots() == before
    assert lakehouse.bring_to(winter) == []


def test_a_value_of_the_wrong_type_is_refused_and_named(
    lakehouse: Lakehouse, winter: list[SourceFile]
) -> None:
    before = lakehouse.snapshots()
    with pytest.raises(SparkError, match="twenty"):
        lakehouse.bring_to(with_line(winter, "planes", b"N1,twenty,,,,,,,\n"))
    assert lakehouse.snapshots() == before
    assert INPUT_DIGEST in lakehouse.summary("silver.planes")


def with_line(files: Sequence[SourceFile], table: str, line: bytes) -> list[SourceFile]:
    return [
        dataclasses.replace(file, content=file.content + line) if file.table == table else file
        for file in files
    ]
