"""Runs the flights pipeline as a task: real data through the whole lakehouse."""

from dataclasses import dataclass
from typing import Any

import pulumi

from components import trust
from components.base import Link, Task
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import (
    IcebergCatalogEndpoint,
    ObjectStoreEndpoint,
    SparkEndpoint,
    TrinoEndpoint,
)
from components.foundation import Foundation
from components.iceberg_catalog import WAREHOUSE
from components.sizing import WorkloadSize
from components.software import FLIGHTS, SPARK

_DRIVER, _BLOCKS = 7078, 7079
"""The driver's ports: executors connect to the first and fetch blocks from the second."""


DECLARATION = Declaration(
    name="flights",
    needs=("object_store", "iceberg_catalog", "trino", "spark"),
    workloads={
        "flights": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=1, memory=2048, heap=1024),
                "small": WorkloadSize(cpu=1, memory=3072, heap=2048),
                "production": WorkloadSize(cpu=2, memory=4096, heap=3072),
            },
        ),
    },
    software=(SPARK, FLIGHTS),
    writes=("bronze", WAREHOUSE),
    only_with="demo",
    switchable=False,
)


@dataclass(frozen=True, kw_only=True)
class FlightsArgs:
    """`object_store` carries a credential for the bucket `bronze` and the catalog's warehouse."""

    foundation: Foundation
    object_store: ObjectStoreEndpoint
    iceberg_catalog: IcebergCatalogEndpoint
    spark: SparkEndpoint
    trino: TrinoEndpoint


class Flights(pulumi.ComponentResource):
    """Lands the flights of New York in 2013 in `bronze`, writes silver and gold tables with Spark, and
    queries them with Trino. `result` has the answers."""

    result: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, args: FlightsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Flights", name, {}, opts)
        size = args.foundation.sizing["flights"]
        run = args.foundation.cluster.run_task(
            Task(
                name=f"{name}-pipeline",
                software=FLIGHTS,
                uses=(SPARK,),
                command=("flights", "run", "{run}/spec.json"),
                env={"SPARK_HOME": "{home.spark}", "SPARK_LOCAL_IP": "{bind}"},
                files={**args.spark.files, **args.object_store.ca_files},
                binary_files=trust.files(args.object_store),
                secret_files={"spec.json": _spec(args, size.heap)},
                ports={"driver": _DRIVER, "blocks": _BLOCKS} if args.spark.executors else {},
                executors=args.spark.executors,
                triggers={"files": args.object_store.volume, "tables": args.iceberg_catalog.volume},
                writable=("{run}/work",),
                links=(
                    Link(args.object_store, ("s3",)),
                    Link(args.iceberg_catalog, ("http",)),
                    _to_spark(args.spark),
                    Link(args.trino, ("http",)),
                ),
                resources=size.resources,
                timeout=1200,
            ),
            self,
        )
        self.result = run.result
        self.register_outputs({"result": run.result})


def _to_spark(spark: SparkEndpoint) -> Link:
    """Returns the link to the Spark master, or to the executors that the driver starts; those connect
    back to it."""
    if spark.executors is None:
        return Link(spark, ("rpc",))
    return Link(spark, ("blocks",), calls_back=True)


def _spec(args: FlightsArgs, heap: int) -> pulumi.Output[str]:
    """Returns the pipeline's spec file; its schema is in apps/pipelines/flights/README.md."""
    catalog, trino, objects = args.iceberg_catalog, args.trino, args.object_store
    key = objects.key
    return pulumi.Output.json_dumps(
        {
            "object_store": {
                "endpoint": objects.address.inside.authority,
                "tls": objects.address.inside.tls,
                "region": objects.region,
                **({} if key is None else {"access_key": key.username, "secret_key": key.password}),
                **({} if objects.protocol == "s3" else {"protocol": objects.protocol}),
                **({} if objects.path_style else {"path_style": False}),
                **({} if objects.ca_file is None else {"ca_file": objects.ca_file}),
            },
            "buckets": {"bronze": objects.bucket("bronze")},
            "catalog": {
                "uri": catalog.address.inside.url("http", catalog.path),
                "warehouse": catalog.warehouse,
            },
            "spark": {
                "master": args.spark.master,
                "driver_host": "{host}",
                "driver_bind": "{bind}",
                **({"driver_port": _DRIVER, "block_manager_port": _BLOCKS} if args.spark.executors else {}),
                "auth_secret": args.spark.secret_conf.get("spark.authenticate.secret"),
                "conf": {**args.spark.conf, "spark.driver.memory": f"{heap}m"},
            },
            "trino": {
                "host": trino.address.inside.host,
                "port": trino.address.inside.port,
                "user": "flights",
            },
            "work": "{run}/work",
        },
        sort_keys=True,
    )
