"""Spark as the software table has it: PySpark's archive laid out as a distribution, with Iceberg and S3."""

from components.software.model import Dockerfile, Executable, Image, Maven, Software, Wheel
from components.software.runtimes import JAVA, OPTIONS
from components.software.toolchain import MAVEN_DEPENDENCY_PLUGIN, MAVEN_IMAGE

_VERSION = "4.0.1"
_SCALA = "2.13"
_ICEBERG = "1.10.1"
_LINE = _VERSION.rpartition(".")[0]  # Iceberg has a runtime for each major and minor release of Spark.
_PYSPARK = f"pyspark=={_VERSION}"
# What Spark's own scripts pass to a JVM of 17 and newer (org.apache.spark.launcher.JavaModuleOptions).
_SPARK_MODULES = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in (
            "java.lang",
            "java.lang.invoke",
            "java.lang.reflect",
            "java.io",
            "java.net",
            "java.nio",
            "java.util",
            "java.util.concurrent",
            "java.util.concurrent.atomic",
            "jdk.internal.ref",
            "sun.nio.ch",
            "sun.nio.cs",
            "sun.security.action",
            "sun.util.calendar",
        )
    ),
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
)


def _spark_daemon(main: str) -> Executable:
    """Returns the command for a daemon of the standalone cluster, without the second JVM of `spark-class`."""
    return Executable((JAVA, OPTIONS, *_SPARK_MODULES, "-cp", "{run}/conf:{home}/jars/*", main))


_ADDED = (
    Maven(f"org.apache.iceberg:iceberg-spark-runtime-{_LINE}_{_SCALA}:{_ICEBERG}:jar", into="jars"),
    Maven(f"org.apache.iceberg:iceberg-aws-bundle:{_ICEBERG}:jar", into="jars"),
    # s3a, on the AWS SDK that is in iceberg-aws-bundle.
    Maven("org.apache.hadoop:hadoop-aws:3.4.1:jar", into="jars"),
    Maven("software.amazon.awssdk:s3-transfer-manager:2.33.0:jar", into="jars"),
)
# Google's storage, for Iceberg and for Hadoop: on the class path where it is used (GCS_JARS) and nowhere
# else, since the bundle holds an Arrow that is not Spark's. It has Google's client and nothing of Iceberg,
# whose runtime may therefore be a newer one.
_GCS = (
    Maven("org.apache.iceberg:iceberg-gcp-bundle:1.10.0:jar", into="gcs"),
    Maven("com.google.cloud.bigdataoss:gcs-connector:hadoop3-2.2.21:shaded:jar", into="gcs"),
)
GCS_JARS = "gcs/*"
"""The class path of Google's storage, below Spark's home."""


def _artifacts(parts: tuple[Maven, ...]) -> str:
    """Returns the artifacts as Maven's dependency plugin takes them:
    `group:artifact:version[:jar:classifier]`."""
    words = []
    for part in parts:
        group, artifact, version, *classifier, extension = part.coordinates.split(":")
        words.append(":".join([group, artifact, version, *([extension, *classifier] if classifier else [])]))
    return " ".join(words)


SPARK = Software(
    name="spark",
    version=_VERSION,
    licence="Apache-2.0",
    parts=(
        Wheel(_PYSPARK, member="deps/bin", into="bin"),
        Wheel(_PYSPARK, member="deps/sbin", into="sbin"),
        Wheel(_PYSPARK, member="deps/jars", into="jars"),
        Wheel(_PYSPARK, member="deps/licenses", into="licenses"),
        Wheel(_PYSPARK, member="lib", into="python/lib"),
        Wheel(_PYSPARK, member="pyspark", into="python/pyspark"),
        *_ADDED,
        *_GCS,
    ),
    executables={
        "master": _spark_daemon("org.apache.spark.deploy.master.Master"),
        "worker": _spark_daemon("org.apache.spark.deploy.worker.Worker"),
        "submit": Executable(("{home}/bin/spark-submit",)),
    },
    image=Image(
        f"localhost/nebula/spark:{_VERSION}-iceberg{_ICEBERG}",
        user=185,
        home="/opt/spark",
        build=Dockerfile(
            "components/software/docker/spark/Dockerfile",
            base=f"apache/spark:{_VERSION}-scala{_SCALA}-java21-python3-ubuntu",
            stages={"MAVEN": MAVEN_IMAGE},
            args={
                "PLUGIN": MAVEN_DEPENDENCY_PLUGIN,
                "JARS": _artifacts(_ADDED),
                "GCS_JARS": _artifacts(_GCS),
            },
        ),
    ),
    java=21,
    # Spark looks for its build directories without the second, which its scripts set.
    environment={"SPARK_HOME": "{home}", "SPARK_SCALA_VERSION": _SCALA},
)
