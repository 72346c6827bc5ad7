"""Endpoints of servers that are built already, for the components that need them."""

import pulumi

from components.base import Address, HostPort, Password
from components.endpoints import (
    IcebergCatalogEndpoint,
    NatsEndpoint,
    ObjectStoreEndpoint,
    PostgresDatabase,
    SparkEndpoint,
    TrinoEndpoint,
)


def _address(host: str, port: int) -> Address:
    here = HostPort(pulumi.Output.from_input(host), pulumi.Output.from_input(port))
    return Address(inside=here, outside=here)


def _password(user: str) -> Password:
    return Password(user, pulumi.Output.secret(f"secret-of-{user}"))


def database(name: str) -> PostgresDatabase:
    return PostgresDatabase(
        component="postgres",
        workloads=("postgres",),
        address=_address("postgres", 5432),
        name=name,
        auth=_password(name),
    )


def object_store(service: str) -> ObjectStoreEndpoint:
    return ObjectStoreEndpoint(
        component="object_store",
        workloads=("object_store",),
        address=_address("object-store", 9000),
        buckets={name: f"s3://{name}" for name in ("bronze", "warehouse")},
        auth=_password(service),
    )


def iceberg_catalog() -> IcebergCatalogEndpoint:
    return IcebergCatalogEndpoint(
        component="iceberg_catalog",
        workloads=("iceberg_catalog",),
        address=_address("catalog", 19120),
        path="/iceberg",
        warehouse="warehouse",
    )


def nats() -> NatsEndpoint:
    return NatsEndpoint(
        component="nats", workloads=("nats",), address=_address("nats", 4222), auth=_password("nats")
    )


def spark() -> SparkEndpoint:
    master = pulumi.Output.from_input("spark://master:7077")
    return SparkEndpoint(
        component="spark",
        workloads=("spark-master", "spark-worker"),
        master=master,
        outside_master=master,
        conf={"spark.ui.killEnabled": "false"},
        secret_conf={"spark.authenticate.secret": pulumi.Output.secret("secret-of-spark")},
    )


def trino() -> TrinoEndpoint:
    return TrinoEndpoint(
        component="trino", workloads=("trino",), address=_address("trino", 8080), catalogs=("lakehouse",)
    )
