"""The sizing table: what each workload asks for, by the size of the platform."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from components.base import Resources

Size = Literal["laptop", "small", "production"]


@dataclass(frozen=True)
class WorkloadSize:
    """Replicas, cores and memory (MiB) of each, heap of a JVM (MiB), and volume (GiB). Up to
    `max_replicas` are started under load where the cluster can."""

    cpu: float
    memory: int
    heap: int = 0
    volume: int = 0
    replicas: int = 1
    max_replicas: int = 0

    @property
    def resources(self) -> Resources:
        return Resources(cpu=self.cpu, memory=self.memory)


Sizing = Mapping[str, WorkloadSize]
"""The shape of each workload, by its name."""

SIZES: Mapping[Size, Sizing] = {
    "laptop": {
        "postgres": WorkloadSize(cpu=1, memory=512, volume=10),
        "object_store": WorkloadSize(cpu=1, memory=1024, volume=20),
        "kafka": WorkloadSize(cpu=1, memory=768, heap=320, volume=10),
        "redis": WorkloadSize(cpu=0.5, memory=256, volume=1),
        "iceberg_catalog": WorkloadSize(cpu=1, memory=640, heap=256),
        "trino": WorkloadSize(cpu=2, memory=2048, heap=1280),
        "trino-worker": WorkloadSize(cpu=2, memory=2048, heap=1280, replicas=0),
        "spark-master": WorkloadSize(cpu=0.5, memory=512, heap=256),
        "spark-worker": WorkloadSize(cpu=2, memory=2048, heap=256),
        "keycloak": WorkloadSize(cpu=1, memory=768, heap=320),
        "nats": WorkloadSize(cpu=0.5, memory=256, volume=5),
        "provisioner": WorkloadSize(cpu=0.5, memory=256),
        "flights": WorkloadSize(cpu=1, memory=2048, heap=1024),
        "projections": WorkloadSize(cpu=1, memory=640, volume=5),
    },
    "small": {
        "postgres": WorkloadSize(cpu=2, memory=2048, volume=50),
        "object_store": WorkloadSize(cpu=2, memory=2048, volume=200),
        "kafka": WorkloadSize(cpu=2, memory=2048, heap=1024, volume=50),
        "redis": WorkloadSize(cpu=1, memory=1024, volume=5),
        "iceberg_catalog": WorkloadSize(cpu=1, memory=1024, heap=512),
        "trino": WorkloadSize(cpu=4, memory=8192, heap=6144),
        "trino-worker": WorkloadSize(cpu=4, memory=8192, heap=6144, replicas=0),
        "spark-master": WorkloadSize(cpu=1, memory=1024, heap=512),
        "spark-worker": WorkloadSize(cpu=4, memory=8192, heap=512),
        "keycloak": WorkloadSize(cpu=1, memory=1280, heap=512),
        "nats": WorkloadSize(cpu=1, memory=1024, volume=20),
        "provisioner": WorkloadSize(cpu=0.5, memory=256),
        "flights": WorkloadSize(cpu=1, memory=3072, heap=2048),
        "projections": WorkloadSize(cpu=1, memory=1024, volume=20),
    },
    "production": {
        "postgres": WorkloadSize(cpu=4, memory=8192, volume=200),
        "object_store": WorkloadSize(cpu=4, memory=8192, volume=1000),
        "kafka": WorkloadSize(cpu=4, memory=8192, heap=4096, volume=200, replicas=3),
        "redis": WorkloadSize(cpu=2, memory=4096, volume=10),
        "iceberg_catalog": WorkloadSize(cpu=2, memory=2048, heap=1024, replicas=2),
        "trino": WorkloadSize(cpu=8, memory=32768, heap=26624),
        "trino-worker": WorkloadSize(cpu=8, memory=32768, heap=26624, replicas=2, max_replicas=6),
        "spark-master": WorkloadSize(cpu=1, memory=2048, heap=1024),
        "spark-worker": WorkloadSize(cpu=8, memory=32768, heap=1024, replicas=3),
        "keycloak": WorkloadSize(cpu=2, memory=2048, heap=1024, replicas=2),
        "nats": WorkloadSize(cpu=2, memory=4096, volume=50, replicas=3),
        "provisioner": WorkloadSize(cpu=0.5, memory=256),
        "flights": WorkloadSize(cpu=2, memory=4096, heap=3072),
        "projections": WorkloadSize(cpu=2, memory=2048, volume=50),
    },
}
