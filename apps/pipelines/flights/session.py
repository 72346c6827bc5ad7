"""The Spark driver: in this process, with the pyspark of SPARK_HOME, and no secret on a command line."""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apps.pipelines.flights import file_systems
from apps.pipelines.flights.errors import SparkError
from apps.pipelines.flights.spec import FlightsSpec

CATALOG = "lakehouse"
_JAVA_SECONDS = 30

_LOGGING = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = spark: %p %c{1}: %m%n%ex{short}
"""


class Session:
    """What the pipeline asks of Spark: SQL, CSV files, and one commit per table.

    pyspark is found at run time, so its objects are `Any` here. Every method raises SparkError.
    """

    def __init__(self, spark: Any, errors: tuple[type[Exception], ...]) -> None:
        self._spark = spark
        self._errors = errors

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._explained(query):
            return [tuple(row) for row in self._spark.sql(query).collect()]

    def execute(self, statement: str) -> None:
        """Run a statement for its effect."""
        with self._explained(statement):
            self._spark.sql(statement)

    def view_of_csv(self, name: str, paths: Sequence[str], columns: Sequence[str]) -> None:
        """A temporary view of CSV files with exactly these columns, all of them text."""
        schema = ", ".join(f"`{column}` STRING" for column in columns)
        with self._explained(f"reading {', '.join(paths)}"):
            frame = self._spark.read.csv(
                list(paths), schema=schema, header=True, enforceSchema=False, mode="FAILFAST"
            )
            frame.createOrReplaceTempView(name)

    @contextmanager
    def cached_view(self, name: str, query: str) -> Iterator[None]:
        """A temporary view of a query, whose rows are computed once and forgotten at the end."""
        with self._explained(query):
            self._spark.sql(query).createOrReplaceTempView(name)
            self._spark.sql(f"CACHE TABLE {name}")
        try:
            yield
        finally:
            with self._explained(f"forgetting {name}"):
                self._spark.sql(f"UNCACHE TABLE {name}")

    def columns(self, table: str) -> list[tuple[str, str]]:
        """Names and types of an Iceberg table's columns; empty if there is no such table."""
        with self._explained(table):
            if not self._spark.catalog.tableExists(f"{CATALOG}.{table}"):
                return []
            return [(name, kind) for name, kind in self._spark.table(f"{CATALOG}.{table}").dtypes]

    def overwrite(self, table: str, query: str, where: str, properties: Mapping[str, str]) -> None:
        """Replace the rows of an Iceberg table that match `where` by those of `query`, in one commit
        whose snapshot carries `properties`."""
        expr = importlib.import_module("pyspark.sql.functions").expr
        with self._explained(f"writing {table}"):
            writer = self._spark.sql(query).writeTo(f"{CATALOG}.{table}")
            for name, value in properties.items():
                writer = writer.option(f"snapshot-property.{name}", value)
            writer.overwrite(expr(where))

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            cause = str(error).partition("\n\nJVM stacktrace")[0].partition("\n\tat ")[0].strip()
            raise SparkError(
                f"Spark failed ({' '.join(what.split())[:200]}): {cause}; check that the Spark cluster, the "
                "catalog and the object store run, then run the pipeline again"
            ) from error


_JVM_OPTIONS = ("spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions")


@contextmanager
def connect(spec: FlightsSpec) -> Iterator[Session]:
    """A driver on the spec's cluster, stopped at the end. Raises SparkError."""
    home = _spark_home()
    with _work_directory(spec.work) as work:
        write_configuration(work / "conf", properties(spec, work))
        os.environ["SPARK_CONF_DIR"] = str(work / "conf")
        os.environ["SPARK_LAUNCHER_OPTS"] = "-XX:-UsePerfData"  # which leaves a directory in /tmp
        for path in _python_paths(home):
            if path not in sys.path:
                sys.path.insert(0, path)
        sql = importlib.import_module("pyspark.sql")
        pyspark_error = importlib.import_module("pyspark.errors").PySparkException
        java_error = importlib.import_module("py4j.protocol").Py4JError
        try:
            try:
                spark = sql.SparkSession.builder.getOrCreate()
            except (pyspark_error, java_error) as error:
                cause = str(error).partition("\n\tat ")[0]
                raise SparkError(
                    f"no Spark driver on {spec.spark.master}: {cause}; check that the master runs, that "
                    "JAVA_HOME is a Java 17 or 21, and that spark.auth_secret is the cluster's"
                ) from error
            try:
                yield Session(spark, (pyspark_error, java_error))
            finally:
                spark.stop()
        finally:
            _end_java()


def _end_java() -> None:
    """Wait for the driver's Java process, which pyspark would leave to the end of this one: it still
    holds files of the work directory."""
    context = importlib.import_module("pyspark").SparkContext
    gateway = context._gateway
    if gateway is None:
        return
    context._gateway = context._jvm = None
    gateway.shutdown()
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(_JAVA_SECONDS)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()


def properties(spec: FlightsSpec, work: Path) -> dict[str, str]:
    """The Spark properties of a run; the spec's own `conf` wins. Its options of a JVM follow ours, of which
    that takes the last."""
    store, spark = spec.object_store, spec.spark
    # A run lasts seconds: compiling less (C1 only) costs less than it gains.
    java_options = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
    result = {
        "spark.master": spark.master,
        "spark.app.name": "flights",
        "spark.driver.host": spark.driver_host,
        "spark.driver.bindAddress": spark.driver_bind or spark.driver_host,
        "spark.driver.port": str(spark.driver_port),
        "spark.driver.blockManager.port": str(spark.block_manager_port),
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": f'{java_options} "-Djava.io.tmpdir={work}"',
        "spark.executor.memory": "1g",
        # In an executor "." is its own directory below the worker's, which the worker removes.
        "spark.executor.extraJavaOptions": f"{java_options} -Djava.io.tmpdir=.",
        "spark.cores.max": "2",
        "spark.local.dir": str(work),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.redaction.regex": "(?i)secret|password|token|credential|access[.-]?key",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(work / "warehouse"),
        **file_systems.hadoop(store),
    }
    catalog = {
        "type": "rest",
        "uri": spec.catalog.uri,
        "warehouse": spec.catalog.warehouse,
        **file_systems.iceberg(store),
        **spec.catalog.properties,
    }
    prefix = f"spark.sql.catalog.{CATALOG}"
    result[prefix] = "org.apache.iceberg.spark.SparkCatalog"
    result |= {f"{prefix}.{name}": value for name, value in catalog.items()}
    if spark.auth_secret is not None:
        result["spark.authenticate"] = "true"
        result["spark.authenticate.secret"] = spark.auth_secret.get_secret_value()
    further = {name: f"{result[name]} {spark.conf[name]}" for name in _JVM_OPTIONS if name in spark.conf}
    return result | spark.conf | further


@contextmanager
def _work_directory(parent: Path | None) -> Iterator[Path]:
    """An empty private directory below `parent`, removed at the end; a killed run's is removed first."""
    if parent is None:
        with tempfile.TemporaryDirectory(prefix="flights-") as temporary:
            yield Path(temporary)
        return
    work = parent / "driver"
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(mode=0o700, parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work)


def write_configuration(directory: Path, values: Mapping[str, str]) -> None:
    """What spark-submit reads by itself: pyspark would pass anything else on its command line."""
    directory.mkdir(mode=0o700)
    (directory / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
    descriptor = os.open(directory / "spark-defaults.conf", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for name, value in values.items():
            if "\n" in value:
                raise SparkError(f"the Spark property {name} holds a line break; remove it from the spec")
            escaped = value.replace("\\", "\\\\")
            file.write(f"{name}={escaped}\n")


def _spark_home() -> Path:
    home = os.environ.get("SPARK_HOME")
    if not home or not (Path(home) / "bin" / "spark-submit").is_file():
        raise SparkError(
            f"SPARK_HOME is {home or 'not set'}: set it to a Spark distribution (bin/spark-submit)"
        )
    return Path(home)


def _python_paths(home: Path) -> list[str]:
    python = home / "python"
    archives = sorted(python.glob("lib/py4j-*-src.zip"))
    if not archives or not (python / "pyspark").is_dir():
        raise SparkError(f"{python} lacks pyspark or lib/py4j-*-src.zip: unpack Spark {home} again")
    return [str(archives[-1]), str(python)]
