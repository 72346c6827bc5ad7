"""The pods and containers of Kubernetes' workloads."""

from collections.abc import Iterator
from typing import Any

from policy.pack.model import UNKNOWN, Resource, items
from policy.pack.tokens import KUBERNETES_CRON_JOB, KUBERNETES_POD, WORKLOADS


def pod_of(resource: Resource) -> Any:
    """The pod's spec in a workload; None in anything else, or when it is not known."""
    if resource.type not in WORKLOADS:
        return None
    path = "spec.template.spec"
    if resource.type == KUBERNETES_POD:
        path = "spec"
    elif resource.type == KUBERNETES_CRON_JOB:
        path = "spec.jobTemplate.spec.template.spec"
    found = resource.get(path)
    return None if found is UNKNOWN else found


def containers(resource: Resource) -> Iterator[Any]:
    pod = pod_of(resource)
    for path in ("initContainers", "containers", "ephemeralContainers"):
        yield from items(pod, path)
