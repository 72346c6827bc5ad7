"""The software that the platform runs: its table (`table.py`) and its lock (`lock.json`)."""

from components.software.keycloak import KEYCLOAK
from components.software.model import Software
from components.software.runtimes import JAVA_21, JAVA_25
from components.software.spark import SPARK
from components.software.table import (
    FLIGHTS,
    HAPROXY,
    KAFKA,
    MINIO,
    NATS,
    NESSIE,
    POSTGRES,
    PROJECTIONS,
    PROVISIONER,
    REDIS,
    TABLE,
    TRINO,
)

__all__ = [
    "FLIGHTS",
    "HAPROXY",
    "JAVA_21",
    "JAVA_25",
    "KAFKA",
    "KEYCLOAK",
    "MINIO",
    "NATS",
    "NESSIE",
    "POSTGRES",
    "PROJECTIONS",
    "PROVISIONER",
    "REDIS",
    "SPARK",
    "TABLE",
    "TRINO",
    "Software",
]
