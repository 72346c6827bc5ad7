"""Runs Spark with Iceberg and S3: a standalone master and workers, or executors as pods."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi

from components import jvm, trust
from components.base import (
    ExecutorTemplate,
    Http,
    Link,
    Program,
    Readiness,
    Running,
    Workload,
)
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import IcebergCatalogEndpoint, ObjectStoreEndpoint, SparkEndpoint
from components.foundation import Foundation
from components.iceberg_catalog import WAREHOUSE
from components.java_properties import escaped
from components.sizing import WorkloadSize
from components.software import SPARK
from components.software.spark import GCS_JARS

CATALOG = "lakehouse"
"""The name of the Iceberg catalog in Spark SQL, the same as in Trino."""


DECLARATION = Declaration(
    name="spark",
    needs=("object_store", "iceberg_catalog"),
    workloads={
        "spark-master": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=0.5, memory=512, heap=256),
                "small": WorkloadSize(cpu=1, memory=1024, heap=512),
                "production": WorkloadSize(cpu=1, memory=2048, heap=1024),
            },
            ports={"rpc": 27077, "ui": 28082},
            absent_on_kubernetes="there a job starts its own executors",
        ),
        "spark-worker": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=2, memory=2048, heap=256),
                "small": WorkloadSize(cpu=4, memory=8192, heap=512),
                "production": WorkloadSize(cpu=8, memory=32768, heap=1024, replicas=3),
            },
            ports={"rpc": 27078, "ui": 28083},
            # Spark refuses an executor of less than 450 MiB, beside the 384 of its overhead.
            least_memory_on_kubernetes=840,
        ),
    },
    software=(SPARK,),
    buckets=("checkpoints",),
    writes=(WAREHOUSE, "checkpoints"),
    reads=("bronze",),
)


@dataclass(frozen=True, kw_only=True)
class SparkArgs:
    foundation: Foundation
    iceberg_catalog: IcebergCatalogEndpoint
    object_store: ObjectStoreEndpoint


class Spark(pulumi.ComponentResource):
    """Runs a standalone cluster, to which a driver submits with a secret. On Kubernetes it runs nothing,
    and its endpoint has the settings by which a driver starts executors as pods."""

    endpoint: SparkEndpoint

    def __init__(self, name: str, args: SparkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Spark", name, {}, opts)
        executors = args.foundation.cluster.executor_template(_executor(name, args), self)
        if executors is None:
            self.endpoint = self._standalone(name, args)
        else:
            self.endpoint = _on_kubernetes(name, args, executors)
        self.register_outputs({"master": self.endpoint.outside_master})

    def _standalone(self, name: str, args: SparkArgs) -> SparkEndpoint:
        secret = args.foundation.secrets.random(f"{name}-rpc", self)
        defaults = spark_defaults(_DEFAULTS, {"spark.authenticate.secret": secret})
        master = self._master(name, args, defaults)
        address = master.addresses["rpc"]
        bare = SparkEndpoint(
            component=name,
            workloads=(f"{name}-master", f"{name}-worker"),
            depends_on=(master.resource,),
            master=address.inside.url("spark"),
            outside_master=address.outside.url("spark"),
            conf={**_DEFAULTS, **_iceberg(args)},
            secret_conf={"spark.authenticate.secret": secret, **_iceberg_secrets(args.object_store)},
            java_home=master.java_home,
        )
        worker = self._worker(name, args, bare, defaults)
        return replace(bare, depends_on=(master.resource, worker.resource, *_stores(args)))

    def _master(self, name: str, args: SparkArgs, defaults: pulumi.Output[str]) -> Running:
        size = args.foundation.sizing["spark-master"]
        return args.foundation.cluster.run(
            Workload(
                name=f"{name}-master",
                software=SPARK,
                command=("master", "--host", "{host}", "--port", "{port.rpc}", "--webui-port", "{port.ui}"),
                env={"SPARK_CONF_DIR": "{run}/conf", "SPARK_LOCAL_IP": "{bind}"},
                files={"jvm.options": jvm.options(size.heap), "conf/log4j2.properties": _DAEMON_LOG4J},
                secret_files={"conf/spark-defaults.conf": defaults},
                ports={"rpc": 7077, "ui": 8080},
                readiness=Readiness(Http("ui", "/json/"), deadline=90),
                resources=size.resources,
            ),
            self,
        )

    def _worker(
        self, name: str, args: SparkArgs, master: SparkEndpoint, defaults: pulumi.Output[str]
    ) -> Running:
        size = args.foundation.sizing["spark-worker"]
        return args.foundation.cluster.run(
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
                    str(max(1, int(size.cpu))),
                    "--memory",
                    f"{size.memory - size.heap}M",
                    "--work-dir",
                    "{run}/work",
                    master.master,
                ),
                env={
                    "SPARK_CONF_DIR": "{run}/conf",
                    "SPARK_LOCAL_IP": "{bind}",
                    "SPARK_LOCAL_DIRS": "{run}/local",
                },
                files={
                    "jvm.options": jvm.options(
                        size.heap,
                        "-Dspark.worker.cleanup.enabled=true",
                        "-Dspark.worker.cleanup.appDataTtl=86400",
                    ),
                    "conf/log4j2.properties": _DAEMON_LOG4J,
                },
                secret_files={"conf/spark-defaults.conf": defaults},
                ports={"rpc": 7078, "ui": 8081},
                writable=("{run}/work", "{run}/local"),
                links=(
                    Link(master, ("rpc",)),
                    Link(args.object_store, ("s3",)),
                    Link(args.iceberg_catalog, ("http",)),
                ),
                readiness=Readiness(Http("ui", "/json/"), deadline=90),
                replicas=size.replicas,
                resources=size.resources,
            ),
            self,
        )


_BLOCKS = 7079
"""The port from which executors fetch blocks of one another."""
_LEAST_OVERHEAD = 384
"""The memory in MiB that Spark reserves at least beside a JVM's heap."""
_POD_TEMPLATE = "executor.json"


def _executor(name: str, args: SparkArgs) -> Program:
    """Returns the program that executors are made from; their driver gives them their command."""
    return Program(
        name=f"{name}-executor",
        software=SPARK,
        command=(),
        ports={"blocks": _BLOCKS},
        links=(Link(args.object_store, ("s3",)), Link(args.iceberg_catalog, ("http",))),
        binary_files=trust.files(args.object_store),
        resources=args.foundation.sizing["spark-worker"].resources,
    )


def _on_kubernetes(name: str, args: SparkArgs, executors: ExecutorTemplate) -> SparkEndpoint:
    """Returns the endpoint for drivers that start executors as pods, as described in
    https://spark.apache.org/docs/latest/running-on-kubernetes.html. Each driver makes a
    secret of its own for its executors."""
    size = args.foundation.sizing["spark-worker"]
    overhead = max(_LEAST_OVERHEAD, size.memory // 6)
    kubernetes = "spark.kubernetes"
    master = pulumi.Output.from_input(f"k8s://{executors.api}")
    return SparkEndpoint(
        component=name,
        workloads=(executors.workload,),
        depends_on=(*executors.depends_on, *_stores(args)),
        master=master,
        outside_master=master,
        conf={
            **_DEFAULTS,
            **_iceberg(args),
            "spark.blockManager.port": str(_BLOCKS),
            "spark.executor.instances": str(size.replicas),
            "spark.executor.cores": str(max(1, int(size.cpu))),
            "spark.executor.memory": f"{size.memory - overhead}m",
            "spark.executor.memoryOverhead": f"{overhead}m",
            f"{kubernetes}.namespace": executors.namespace,
            f"{kubernetes}.container.image": executors.image,
            f"{kubernetes}.container.image.pullPolicy": "IfNotPresent",
            f"{kubernetes}.authenticate.executor.serviceAccountName": executors.service_account,
            f"{kubernetes}.driver.pod.name": "${env:NEBULA_POD_NAME}",
            f"{kubernetes}.executor.limit.cores": str(size.cpu),
            f"{kubernetes}.executor.request.cores": f"{round(size.cpu * executors.cpu_requests * 1000)}m",
            f"{kubernetes}.executor.podTemplateFile": f"{{run}}/{_POD_TEMPLATE}",
            f"{kubernetes}.executor.podTemplateContainerName": "main",
            **_class_path(args.object_store, executors.image_home),
        },
        secret_conf=_iceberg_secrets(args.object_store),
        executors=executors,
        files={_POD_TEMPLATE: executors.template},
    )


def _class_path(store: ObjectStoreEndpoint, home: str) -> Mapping[str, pulumi.Input[str]]:
    if store.protocol == "s3":
        return {}
    return {f"spark.{each}.extraClassPath": f"{home}/{GCS_JARS}" for each in ("driver", "executor")}


def _stores(args: SparkArgs) -> tuple[pulumi.Resource, ...]:
    return (*args.object_store.depends_on, *args.iceberg_catalog.depends_on)


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

# Who came and who went; not the command lines of what is launched.
_DAEMON_LOG4J = f"""\
{LOG4J}logger.master.name = org.apache.spark.deploy.master.Master
logger.master.level = info
logger.worker.name = org.apache.spark.deploy.worker.Worker
logger.worker.level = info
"""


def _iceberg(args: SparkArgs) -> Mapping[str, pulumi.Input[str]]:
    catalog = args.iceberg_catalog
    prefix = f"spark.sql.catalog.{CATALOG}"
    return {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.type": "rest",
        f"{prefix}.uri": catalog.address.inside.url("http", catalog.path),
        f"{prefix}.warehouse": catalog.warehouse,
        **{f"{prefix}.{name}": value for name, value in _file_io(args.object_store).items()},
        **_trusting(args.object_store),
    }


def _trusting(store: ObjectStoreEndpoint) -> Mapping[str, str]:
    """Returns the JVM options of drivers and executors that trust the store's certificates. Executors
    that are pods have the trust store at the driver's path; others read the driver's own file."""
    options = " ".join(trust.options(store))
    return {f"spark.{each}.extraJavaOptions": options for each in ("driver", "executor")} if options else {}


def _file_io(store: ObjectStoreEndpoint) -> Mapping[str, pulumi.Input[str]]:
    """Returns Iceberg's settings for the store. Without a key, it uses the pod's identity."""
    if store.protocol == "gs":
        return {"io-impl": "org.apache.iceberg.gcp.gcs.GCSFileIO"}
    return {
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "s3.endpoint": store.address.inside.url(),
        "s3.path-style-access": str(store.path_style).lower(),
        "client.region": store.region,
    }


def _iceberg_secrets(store: ObjectStoreEndpoint) -> Mapping[str, pulumi.Output[str]]:
    key = store.key
    if key is None:
        return {}
    prefix = f"spark.sql.catalog.{CATALOG}.s3"
    return {
        f"{prefix}.access-key-id": pulumi.Output.from_input(key.username),
        f"{prefix}.secret-access-key": key.password,
    }


def spark_defaults(
    conf: Mapping[str, pulumi.Input[str]], secret_conf: Mapping[str, pulumi.Output[str]]
) -> pulumi.Output[str]:
    """Returns a `spark-defaults.conf`. Properties in this file stay off the command lines of driver and
    executors."""
    text = pulumi.Output.all(**conf, **secret_conf).apply(
        lambda values: "".join(f"{key} {escaped(value)}\n" for key, value in sorted(values.items()))
    )
    return pulumi.Output.secret(text)
