"""Sizes of workloads in the stack's configuration: `sizing`."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

from pydantic import Field

from components.sizing import SIZES, Sizing, WorkloadSize
from infra.model import Model, problem

Workload = Literal[
    "postgres",
    "object_store",
    "kafka",
    "redis",
    "iceberg_catalog",
    "trino",
    "trino-worker",
    "spark-master",
    "spark-worker",
    "keycloak",
    "nats",
    "provisioner",
    "flights",
    "projections",
]
_NOT_ON_A_MACHINE = {"trino-worker": "there the coordinator is the only worker"}
_NOT_ON_A_CLUSTER = {"spark-master": "there a job starts its own executors"}
"""Workloads that a stack runs without, and why."""
_LEAST_HEAP = 32
_LEAST_CPU = 0.01
"""Cores: the kernel bounds no process to less."""
_LEAST_EXECUTOR = 840
"""MiB: Spark refuses an executor of less than 450, beside the 384 of its overhead."""


class WorkloadSizeSettings(Model):
    """What a workload has instead of what the size gives it. A heap that is not given keeps its part of
    the memory."""

    cpu: float | None = Field(default=None, ge=_LEAST_CPU, description="cores, at most")
    memory: int | None = Field(default=None, ge=64, description="MiB")
    heap: int | None = Field(default=None, ge=_LEAST_HEAP, description="MiB of a JVM")
    volume: int | None = Field(default=None, ge=1, description="GiB")
    replicas: int | None = Field(default=None, ge=0, le=99)
    max_replicas: int | None = Field(default=None, ge=0, le=99)

    @property
    def given(self) -> dict[str, float | int]:
        return {name: value for name, value in self if value is not None}

    def applied(self, shape: WorkloadSize) -> WorkloadSize:
        given = self.given
        if self.memory is not None and self.heap is None:
            given["heap"] = shape.heap * self.memory // shape.memory
        return replace(shape, **given)  # type: ignore[arg-type]  # each of its field's own type


def check_sizing(
    cloud: str,
    given: Mapping[str, WorkloadSizeSettings],
    shapes: Sizing,
    run: Collection[str],
    managed: Collection[str],
) -> None:
    """Raises PydanticCustomError for a size that nothing heeds, or that the cloud cannot serve: `run` are the
    components that the platform runs, `managed` those of them that the cloud serves."""
    without = _NOT_ON_A_MACHINE if cloud == "local" else _NOT_ON_A_CLUSTER
    for name, override in given.items():
        component = name.partition("-")[0]
        if component != "provisioner" and component not in run:
            raise problem(
                ("sizing", name), f"{component} is not run by this stack (off, or external): remove this"
            )
        if component in managed:
            raise problem(("sizing", name), f"cloud {cloud} serves {name} itself, by size: remove this")
        if why := without.get(name):
            raise problem(("sizing", name), f"cloud {cloud} runs no {name}, {why}: remove this")
        if cloud != "local" and name == "spark-worker" and shapes[name].memory < _LEAST_EXECUTOR:
            raise problem(("sizing", name, "memory"), f"an executor of Spark needs {_LEAST_EXECUTOR} MiB")
        for key in override.given:
            if reason := _unheeded(name, key):
                raise problem(("sizing", name, key), reason)
    for name, shape in shapes.items():
        _check_shape(cloud, name, shape, given)


def _unheeded(name: str, key: str) -> str | None:
    """Why nothing heeds `key` of a workload: the sizing table knows what each one has."""
    rows = [shapes[name] for shapes in SIZES.values()]
    if key == "replicas" and all(row.replicas == 1 for row in rows):
        return f"{name} runs once, on every size: remove this"
    if key == "max_replicas" and not any(row.max_replicas for row in rows):
        return f"the number of {name}s does not follow the load: say replicas"
    if key == "heap" and not any(row.heap for row in rows):
        return f"{name} is no JVM: say memory"
    if key == "volume" and not any(row.volume for row in rows):
        return f"{name} keeps nothing on a volume: remove this"
    return None


def _check_shape(
    cloud: str, name: str, shape: WorkloadSize, given: Mapping[str, WorkloadSizeSettings]
) -> None:
    keys = given[name].given if name in given else {}
    if shape.heap and shape.heap >= shape.memory:
        key = ("sizing", name, "heap" if "heap" in keys else "memory") if keys else ("size",)
        raise problem(key, f"{name}: a heap of {shape.heap} MiB does not fit {shape.memory} MiB")
    if 0 < shape.heap < _LEAST_HEAP:
        raise problem(
            ("sizing", name, "memory"),
            f"leaves a heap of {shape.heap} MiB, and a JVM needs {_LEAST_HEAP}: give more, or say heap",
        )
    least = min(shapes[name].replicas for shapes in SIZES.values())
    if shape.replicas < least:
        raise problem(
            ("sizing", name, "replicas"), f"{name} needs {least} at least: turn its component off instead"
        )
    if "max_replicas" in keys and shape.max_replicas < shape.replicas:
        raise problem(
            ("sizing", name, "max_replicas"),
            f"is less than the {shape.replicas} replicas that there always are",
        )
    if cloud == "local" and shape.replicas > 1:
        key = ("sizing", name, "replicas") if "replicas" in keys else ("size",)
        raise problem(key, f"{name} has {shape.replicas} replicas: cloud local runs one: change size")
