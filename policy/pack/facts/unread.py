"""Finds settings of pods that `restricted` asks for and a preview does not know."""

from collections.abc import Iterator

from policy.pack.facts.pods import Pod
from policy.pack.facts.restricted import HOST
from policy.pack.model import UNKNOWN, Path, Unclear, nodes

_LISTS = ("initContainers", "containers", "ephemeralContainers")
_FREE = frozenset(
    {
        *("runAsGroup", "fsGroup", "fsGroupChangePolicy", "supplementalGroups", "supplementalGroupsPolicy"),
        *("level", "localhostProfile", "readOnlyRootFilesystem", "gmsaCredentialSpec"),
        *("gmsaCredentialSpecName", "runAsUserName", "seLinuxChangePolicy", "value"),
    }
)
"""Settings of security contexts that `restricted` leaves free."""
_OF_PROBES = frozenset(
    {
        *("lifecycle", "livenessProbe", "readinessProbe", "startupProbe", "preStop", "postStart", "httpGet"),
        *("tcpSocket", "host"),
    }
)
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def unknowns(pod: Pod) -> Iterator[Unclear]:
    """Returns the unknown settings that `restricted` asks for, and the unknown properties that hold them."""
    for path, node in nodes(pod.spec):
        if node is UNKNOWN and _is_judged(path):
            yield Unclear((*pod.path, *path))
    at = (*pod.path[:-1], "metadata")
    for path, node in nodes(pod.metadata):
        if node is UNKNOWN and (path[:1] in ((), ("annotations",))) and _may_be_of_apparmor(path):
            yield Unclear((*at, *path))


def _may_be_of_apparmor(path: Path) -> bool:
    return len(path) < 2 or str(path[1]).startswith(_APPARMOR)


def _is_judged(path: Path) -> bool:
    """True if a value at `path` of a pod's specification is one that `restricted` asks for, or holds one."""
    first, last = path[0], path[-1]
    if first in _LISTS:
        return len(path) <= 2 or _is_judged_of_a_container(path[2:])
    if first == "securityContext":
        return last not in _FREE
    if first == "volumes":
        return len(path) <= 2 or "hostPath" in path
    return first in HOST or first == "os"


def _is_judged_of_a_container(path: Path) -> bool:
    match path[0]:
        case "securityContext":
            return path[-1] not in _FREE
        case "ports":
            return len(path) <= 2 or path[-1] == "hostPort"
        case "image":
            return True
        case "lifecycle" | "livenessProbe" | "readinessProbe" | "startupProbe":
            return path[-1] in _OF_PROBES
    return False
