"""Spark: a standalone master and worker, with Iceberg and S3."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components import jvm
from components.base import Cluster, Http, Link, Password, Readiness, Secrets, Workload
from components.endpoints import IcebergCatalogEndpoint, ObjectStoreEndpoint, SparkEndpoint
from components.sizing import SIZES, Size
from components.software import SPARK

CATALOG = "lakehouse"
"""The name of the Iceberg catalog in Spark SQL, the same as in Trino."""


@dataclass(frozen=True, kw_only=True)
class SparkArgs:
    cluster: Cluster
    secrets: Secrets
    size: Size
    iceberg_catalog: IcebergCatalogEndpoint
    object_store: ObjectStoreEndpoint


class Spark(pulumi.ComponentResource):
    """A standalone cluster: who does not know its secret cannot submit to it."""

    endpoint: SparkEndpoint

    def __init__(self, name: str, args: SparkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Spark", name, {}, opts)
        sizes = SIZES[args.size]
        secret = args.secrets.random(f"{name}-rpc", self)
        defaults = spark_defaults(_DEFAULTS, {"spark.authenticate.secret": secret})
        master = args.cluster.run(
            Workload(
                name=f"{name}-master",
                software=SPARK,
                command=("master", "--host", "{host}", "--port", "{port.rpc}", "--webui-port", "{port.ui}"),
                env={"SPARK_CONF_DIR": "{run}/conf", "SPARK_LOCAL_IP": "{bind}"},
                files={
                    "jvm.options": jvm.options(sizes["spark-master"].heap),
                    "conf/log4j2.properties": LOG4J,
                },
                secret_files={"conf/spark-defaults.conf": defaults},
                ports={"rpc": 7077, "ui": 8080},
                readiness=Readiness(Http("ui", "/json/"), deadline=90),
                resources=sizes["spark-master"].resources,
            ),
            self,
        )
        self.endpoint = SparkEndpoint(
            component=name,
            workloads=(f"{name}-master", f"{name}-worker"),
            depends_on=(master.resource,),
            master=master.addresses["rpc"],
            conf={**_DEFAULTS, **_iceberg(args)},
            secret_conf={"spark.authenticate.secret": secret, **_iceberg_secrets(args.object_store)},
        )
        shape = sizes["spark-worker"]
        worker = args.cluster.run(
            Workload(
                name=f"{name}-worker",
                software=SPARK,
                command=(
                    "worker",
                    "--host",
                    "{host}",
                    "--port",
                    "{port.rpc}",
                    "--webui-port",
                    "{port.ui}",
                    "--cores",
                    str(max(1, int(shape.cpu))),
                    "--memory",
                    f"{shape.memory - shape.heap}M",
                    "--work-dir",
                    "{run}/work",
                    self.endpoint.master.inside.url("spark"),
                ),
                env={
                    "SPARK_CONF_DIR": "{run}/conf",
                    "SPARK_LOCAL_IP": "{bind}",
                    "SPARK_LOCAL_DIRS": "{run}/local",
                },
                files={
                    "jvm.options": jvm.options(
                        shape.heap,
                        "-Dspark.worker.cleanup.enabled=true",
                        "-Dspark.worker.cleanup.appDataTtl=86400",
                    ),
                    "conf/log4j2.properties": LOG4J,
                },
                secret_files={"conf/spark-defaults.conf": defaults},
                ports={"rpc": 7078, "ui": 8081},
                writable=("{run}/work", "{run}/local"),
                links=(Link(self.endpoint), Link(args.object_store), Link(args.iceberg_catalog)),
                readiness=Readiness(Http("ui", "/json/"), deadline=90),
                replicas=shape.replicas,
                resources=shape.resources,
            ),
            self,
        )
        self.endpoint = SparkEndpoint(
            component=name,
            workloads=self.endpoint.workloads,
            depends_on=(
                master.resource,
                worker.resource,
                *args.object_store.depends_on,
                *args.iceberg_catalog.depends_on,
            ),
            master=self.endpoint.master,
            conf=self.endpoint.conf,
            secret_conf=self.endpoint.secret_conf,
        )
        self.register_outputs({"master": self.endpoint.master.outside.url("spark")})


_DEFAULTS: Mapping[str, pulumi.Input[str]] = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.ui.killEnabled": "false",
    "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|access-key",
}

LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
"""


def _iceberg(args: SparkArgs) -> Mapping[str, pulumi.Input[str]]:
    catalog, store = args.iceberg_catalog, args.object_store
    prefix = f"spark.sql.catalog.{CATALOG}"
    return {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.type": "rest",
        f"{prefix}.uri": catalog.address.inside.url("http", catalog.path),
        f"{prefix}.warehouse": catalog.warehouse,
        f"{prefix}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{prefix}.s3.endpoint": store.address.inside.url(),
        f"{prefix}.s3.path-style-access": str(store.path_style).lower(),
        f"{prefix}.client.region": store.region,
    }


def _iceberg_secrets(store: ObjectStoreEndpoint) -> Mapping[str, pulumi.Output[str]]:
    if not isinstance(store.auth, Password):
        return {}
    prefix = f"spark.sql.catalog.{CATALOG}.s3"
    return {
        f"{prefix}.access-key-id": pulumi.Output.from_input(store.auth.username),
        f"{prefix}.secret-access-key": store.auth.password,
    }


def spark_defaults(
    conf: Mapping[str, pulumi.Input[str]], secret_conf: Mapping[str, pulumi.Output[str]]
) -> pulumi.Output[str]:
    """A `spark-defaults.conf`: properties here stay off the command lines of driver and executors."""
    text = pulumi.Output.all(**conf, **secret_conf).apply(
        lambda values: "".join(f"{key} {value}\n" for key, value in sorted(values.items()))
    )
    return pulumi.Output.secret(text)
