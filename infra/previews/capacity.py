"""Adds up the cores and the memory that the servers of a stack request."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_REPLICATED = re.compile(r"^kubernetes:apps/v1:(Deployment|StatefulSet|DaemonSet|ReplicaSet)$")
_PROCESS = "nebula-local:index:Process"
_QUANTITY = re.compile(r"^([0-9.]+)([a-zA-Z]*)$")
_MULTIPLES = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}


@dataclass(frozen=True)
class Capacity:
    """The capacity that servers which run all the time request: `cores`, and `memory` in bytes. Servers of a
    local stack request memory only, as they share the machine's cores."""

    cores: Decimal = Decimal(0)
    memory: Decimal = Decimal(0)

    def __add__(self, other: "Capacity") -> "Capacity":
        return Capacity(self.cores + other.cores, self.memory + other.memory)

    def __sub__(self, other: "Capacity") -> "Capacity":
        return Capacity(self.cores - other.cores, self.memory - other.memory)


def capacity(resources: Iterable[Mapping[str, Any]]) -> Capacity:
    """Returns what the servers among `resources` request, each of which has a `type` and `inputs`: local
    servers and the pods of Deployments, StatefulSets, DaemonSets and ReplicaSets. Jobs are not counted, as
    they end; pods that servers start themselves (Spark's executors) are not known here."""
    total = Capacity()
    for resource in resources:
        inputs = resource.get("inputs") or {}
        if _REPLICATED.match(resource["type"]):
            total += _of_pods(inputs.get("spec") or {})
        elif resource["type"] == _PROCESS:
            total += Capacity(memory=Decimal(str(inputs.get("memory") or 0)) * 2**20)
    return total


def _of_pods(spec: Mapping[str, Any]) -> Capacity:
    replicas = spec.get("replicas", 1)
    pod = (spec.get("template") or {}).get("spec") or {}
    cores, memory = Decimal(0), Decimal(0)
    for container in pod.get("containers") or ():
        requests = (container.get("resources") or {}).get("requests") or {}
        cores += quantity(requests.get("cpu", "0"))
        memory += quantity(requests.get("memory", "0"))
    return Capacity(cores * int(replicas), memory * int(replicas))


def quantity(text: Any) -> Decimal:
    """Returns a Kubernetes quantity (`100m`, `768Mi`) as a number. Raises ValueError for anything else."""
    match = _QUANTITY.match(str(text))
    if match is None or match[2] not in _MULTIPLES:
        raise ValueError(f"{text!r} is not a Kubernetes quantity such as 100m, 1.5, 768Mi or 2Gi")
    return Decimal(match[1]) * _MULTIPLES[match[2]]
