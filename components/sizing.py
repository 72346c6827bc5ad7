"""Says how large a workload is: one size for each size of the platform."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from components.base import Resources

Size = Literal["laptop", "small", "production"]
"""The size of the whole platform."""


@dataclass(frozen=True)
class WorkloadSize:
    """The size of one workload: how many replicas run, and what each of them gets.

    `cpu` is in cores, `memory` and `heap` (of a JVM) in MiB, `volume` in GiB. Where the cluster can, up to
    `max_replicas` are started under load.
    """

    cpu: float
    memory: int
    heap: int = 0
    volume: int = 0
    replicas: int = 1
    max_replicas: int = 0

    @property
    def resources(self) -> Resources:
        """Returns the cores and the memory of one replica."""
        return Resources(cpu=self.cpu, memory=self.memory)


Sizing = Mapping[str, WorkloadSize]
"""The size of each workload, by the workload's name."""
