"""`kubernetes.*`: the lab stack on the testbed, compared with the starts of its own pods and with the
platform as local processes."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from infra.engine import state
from infra.engine.checkout import PROJECT
from tests.bench import schedule, warm_up
from tests.bench.figures import Figure, figure
from tests.bench.processor_time import timed
from tests.e2e.kubernetes.cluster import Cluster
from tests.e2e.kubernetes.lab import ClusterStack, settings
from tests.e2e.stack import Stack
from tests.testbed import control_groups

NAMES = ("kubernetes.up", "kubernetes.preview", "kubernetes.memory")
_GIB = 2**30
_NOT_OURS = frozenset({"pause", "coredns"})
_OWNERS = frozenset({"StatefulSet", "ReplicaSet", "Job"})
_RUNNING = frozenset({"StatefulSet", "Deployment", "Job"})


def measure(
    cluster: Cluster, local: Stack, local_memory: float, tmp: Path, console: Console
) -> Iterator[Figure]:
    """Bring the lab up, measure it, and take it down. `local` is a running local stack that uses
    `local_memory` GiB. The demo is not measured."""
    stack = ClusterStack("bench", tmp / "cluster", settings(cluster, demo=False))
    try:
        seconds = timed(stack.up)
        resources = state.deployment(stack.backend, PROJECT, stack.name)["resources"]
        objects = sum(row["type"].startswith("kubernetes:") for row in resources)
        own = _own_times(cluster, stack)
        path = schedule.critical_path(own, warm_up.dependencies(stack))
        console.print(f"Kubernetes: {objects} objects; pods' own critical path, s: {', '.join(path.steps)}")
        yield figure("kubernetes.up", seconds, "s", path.seconds)
        yield figure("kubernetes.preview", timed(stack.preview), "s", timed(local.preview))
        yield figure("kubernetes.memory", _memory(), "GiB", local_memory)
    finally:
        stack.remove()


def _own_times(cluster: Cluster, stack: ClusterStack) -> dict[str, float]:
    """Return the seconds from the start of each pod until it was ready, or until its task ended, by
    `Type::name`."""
    resources = state.deployment(stack.backend, PROJECT, stack.name)["resources"]
    labels = {
        row["outputs"]["metadata"]["name"]: row["urn"].rpartition("::")[2]
        for row in resources
        if row["type"].rpartition(":")[2] in _RUNNING
    }
    found: dict[str, float] = {}
    for pod in cluster.core.list_namespaced_pod(stack.namespace).items:
        (owner,) = [each for each in pod.metadata.owner_references or () if each.kind in _OWNERS]
        kind = "Deployment" if owner.kind == "ReplicaSet" else owner.kind
        name = owner.name.rpartition("-")[0] if owner.kind == "ReplicaSet" else owner.name
        seconds = (_done(pod) - pod.status.start_time).total_seconds()
        key = f"{kind}::{labels[name]}"
        found[key] = max(seconds, found.get(key, 0.0))
    return found


def _done(pod: Any) -> datetime:
    for container in pod.status.container_statuses:
        if container.state.terminated:
            ended: datetime = container.state.terminated.finished_at
            return ended
    ready: datetime = next(c.last_transition_time for c in pod.status.conditions if c.type == "Ready")
    return ready


def _memory() -> float:
    """Return the GiB of the proportional set sizes of all processes in pods."""
    total = 0
    for pid in control_groups.processes():
        try:
            process = psutil.Process(pid)
            if process.name() not in _NOT_OURS:
                total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / _GIB
