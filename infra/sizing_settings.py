"""The settings of workloads' sizes, `sizing` in the stack file."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from pydantic import Field

from components.sizing import Sizing, WorkloadSize
from infra.declared import COMPONENT_OF, WORKLOADS
from infra.model import Model, problem
from providers.limits import LIMITS

_LEAST_HEAP = 32
_LEAST_CPU = 0.01
"""The least CPU limit in cores that the kernel can enforce."""


class WorkloadSizeSettings(Model):
    """Overrides the platform size's values for one workload. A heap that is left out keeps its share of
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

    def applied(self, size: WorkloadSize) -> WorkloadSize:
        given = self.given
        if self.memory is not None and self.heap is None:
            given["heap"] = size.heap * self.memory // size.memory
        return replace(size, **given)  # type: ignore[arg-type]  # each of its field's own type


def check_sizing(
    cloud: str,
    overrides: Mapping[str, WorkloadSizeSettings],
    sizes: Sizing,
    self_hosted: Collection[str],
) -> None:
    """Refuses a size that nothing reads, or that the cloud cannot serve.

    `overrides` are the stack file's own sizes by workload, `sizes` those of all workloads with them applied,
    `self_hosted` the components that the platform runs. Raises PydanticCustomError.
    """
    limits = LIMITS[cloud]
    for name, override in overrides.items():
        component, workload = COMPONENT_OF[name], WORKLOADS[name]
        if component not in self_hosted:
            raise problem(
                ("sizing", name), f"{component} is not run by this stack (off, or external): remove this"
            )
        if component in limits.managed:
            raise problem(("sizing", name), f"cloud {cloud} serves {name} itself, by size: remove this")
        absent = workload.absent_on_one_machine if limits.one_machine else workload.absent_on_kubernetes
        if absent:
            raise problem(("sizing", name), f"cloud {cloud} runs no {name}, {absent}: remove this")
        least = 0 if limits.one_machine else workload.least_memory_on_kubernetes
        if sizes[name].memory < least:
            raise problem(("sizing", name, "memory"), f"{name} needs {least} MiB on a cluster")
        for key in override.given:
            if reason := _unheeded(name, key):
                raise problem(("sizing", name, key), reason)
    for name, size in sizes.items():
        _check_size(cloud, name, size, overrides)


def _unheeded(name: str, key: str) -> str | None:
    """Returns the reason why nothing reads `key` of a workload, or None; the workload's declared sizes
    tell."""
    rows = WORKLOADS[name].sizes.values()
    if key == "replicas" and all(row.replicas == 1 for row in rows):
        return f"{name} runs once, on every size: remove this"
    if key == "max_replicas" and not any(row.max_replicas for row in rows):
        return f"the number of {name}s does not follow the load: say replicas"
    if key == "heap" and not any(row.heap for row in rows):
        return f"{name} is no JVM: say memory"
    if key == "volume" and not any(row.volume for row in rows):
        return f"{name} keeps nothing on a volume: remove this"
    return None


def _check_size(
    cloud: str, name: str, size: WorkloadSize, overrides: Mapping[str, WorkloadSizeSettings]
) -> None:
    keys = overrides[name].given if name in overrides else {}
    if size.heap and size.heap >= size.memory:
        key = ("sizing", name, "heap" if "heap" in keys else "memory") if keys else ("size",)
        raise problem(key, f"{name}: a heap of {size.heap} MiB does not fit {size.memory} MiB")
    if 0 < size.heap < _LEAST_HEAP:
        raise problem(
            ("sizing", name, "memory"),
            f"leaves a heap of {size.heap} MiB, and a JVM needs {_LEAST_HEAP}: give more, or say heap",
        )
    least = min(row.replicas for row in WORKLOADS[name].sizes.values())
    if size.replicas < least:
        raise problem(
            ("sizing", name, "replicas"), f"{name} needs {least} at least: turn its component off instead"
        )
    if "max_replicas" in keys and size.max_replicas < size.replicas:
        raise problem(
            ("sizing", name, "max_replicas"),
            f"is less than the {size.replicas} replicas that there always are",
        )
    if LIMITS[cloud].one_machine and size.replicas > 1:
        key = ("sizing", name, "replicas") if "replicas" in keys else ("size",)
        raise problem(key, f"{name} has {size.replicas} replicas: cloud local runs one: change size")
