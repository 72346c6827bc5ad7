"""What pods must say of themselves: their resources, and Pod Security's `restricted`."""

from collections.abc import Iterator
from typing import Any

from policy.pack.model import UNKNOWN, Resource, Rule, Stack, differs, get, items
from policy.pack.rules.containers import containers, pod_of

_RESOURCES = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES = frozenset(
    {
        "name",
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
"""The kinds that `restricted` allows."""
_SECCOMP = ("RuntimeDefault", "Localhost")


def requests_and_limits(resource: Resource, stack: Stack) -> Iterator[str]:
    for container in containers(resource):
        missing = [path for path in _RESOURCES if get(container, f"resources.{path}") is None]
        if missing:
            yield f"{_called(resource, container)} has no {', '.join(missing)}: give them below resources"


def restricted_pods(resource: Resource, stack: Stack) -> Iterator[str]:
    pod = pod_of(resource)
    if pod is None:
        return
    for name in _HOST:
        if get(pod, name) is True:
            yield f"{resource.kind} shares the node's own: remove {name}"
    for volume in items(pod, "volumes"):
        for kind in sorted(set(volume) - _VOLUMES):
            yield f"{resource.kind} has a volume of kind {kind}: use a claim, a ConfigMap, a Secret or csi"
    for container in containers(resource):
        for wrong in _unrestricted(pod, container):
            yield f"{_called(resource, container)}: {wrong}"


def _unrestricted(pod: Any, container: Any) -> Iterator[str]:
    if get(container, "securityContext.privileged") is True:
        yield "remove securityContext.privileged"
    if differs(get(container, "securityContext.allowPrivilegeEscalation"), False):
        yield "set securityContext.allowPrivilegeEscalation to false"
    if differs(_either(pod, container, "runAsNonRoot"), True):
        yield "set securityContext.runAsNonRoot to true"
    if _either(pod, container, "runAsUser") == 0:
        yield "set securityContext.runAsUser to another than 0"
    if differs(_either(pod, container, "seccompProfile.type"), *_SECCOMP):
        yield "set securityContext.seccompProfile.type to RuntimeDefault"
    capabilities = get(container, "securityContext.capabilities", {})
    if capabilities is not UNKNOWN and "ALL" not in items(capabilities, "drop"):
        yield "drop ALL in securityContext.capabilities"
    if set(items(capabilities, "add")) - {"NET_BIND_SERVICE"}:
        yield "add no capability but NET_BIND_SERVICE"
    if any(get(port, "hostPort") for port in items(container, "ports")):
        yield "remove hostPort"


def _either(pod: Any, container: Any, path: str) -> Any:
    """The container's own setting, else the pod's."""
    own = get(container, f"securityContext.{path}")
    return own if own is not None else get(pod, f"securityContext.{path}")


def _called(resource: Resource, container: Any) -> str:
    return f"{resource.kind}, container {get(container, 'name')}"


RULES = (
    Rule(
        "requests-and-limits",
        "Every container says what it needs, and what it may take.",
        resource=requests_and_limits,
        development="advisory",
    ),
    Rule(
        "restricted-pods",
        "Every pod passes Pod Security's level restricted.",
        resource=restricted_pods,
    ),
)
