"""Checks pods against Pod Security's level `restricted` (kubernetes.io, Pod Security Standards, v1.34)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.pack.facts.pods import Container, Pod
from policy.pack.model import UNKNOWN, get, items

Wrong = Iterator[str]
HOST = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES = frozenset(
    {
        "name",
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
"""The kinds that `restricted` allows."""
_SECCOMP = ("RuntimeDefault", "Localhost")
_SELINUX = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = re.compile(
    r"kernel\.shm_rmid_forced|net\.ipv4\.(ip_local_port_range|ip_unprivileged_port_start|tcp_syncookies"
    r"|ping_group_range|ip_local_reserved_ports|tcp_keepalive_(time|intvl|probes)|tcp_fin_timeout"
    r"|tcp_(rmem|wmem))"
)
_APPARMOR = re.compile(r"(runtime/default|localhost/.*|)")


def is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _volume(kind: str) -> str:
    return f"has a volume of kind {kind}: use a claim, a ConfigMap, a Secret or csi"


def wrong_of_pod(pod: Pod) -> Wrong:
    """Returns the violations of `restricted` in the pod's own settings."""
    for name in HOST:
        if is_true(get(pod.spec, name)):
            yield f"shares the node's own: remove {name}"
    for volume in items(pod.spec, "volumes"):
        kinds = set(volume) - _VOLUMES - {"hostPath"} if isinstance(volume, Mapping) else set()
        for kind in sorted(kinds):
            yield _volume(kind)
    if get(pod.spec, "securityContext.runAsNonRoot") not in (None, True, UNKNOWN):
        yield "may run as root: set securityContext.runAsNonRoot to true"
    if get(pod.spec, "securityContext.seccompProfile.type") not in (None, *_SECCOMP, UNKNOWN):
        yield "takes seccomp off: set securityContext.seccompProfile.type to RuntimeDefault"
    for each in items(pod.spec, "securityContext.sysctls"):
        if not _SYSCTLS.fullmatch(str(get(each, "name"))):
            yield f"sets {get(each, 'name')}: remove it from securityContext.sysctls"
    if str(get(pod.spec, "securityContext.runAsUser")) == "0":
        yield "runs as root: set securityContext.runAsUser to another than 0"
    for key, value in pod.annotations.items():
        if key.startswith("container.apparmor.security.beta.kubernetes.io/") and not _APPARMOR.fullmatch(
            str(value)
        ):
            yield f"takes AppArmor off: remove the annotation {key}"
    yield from _contexts(pod.spec)


def wrong_of_container(pod: Pod, container: Container) -> Wrong:
    """Returns the violations of `restricted` in one container: settings that are wrong, or required and
    absent."""
    spec, security = container.spec, "securityContext"
    if is_true(get(spec, f"{security}.privileged")):
        yield "remove securityContext.privileged"
    if get(spec, f"{security}.procMount", "Default") not in ("Default", UNKNOWN):
        yield "remove securityContext.procMount"
    if any(each != "NET_BIND_SERVICE" for each in items(spec, f"{security}.capabilities.add")):
        yield "add no capability but NET_BIND_SERVICE"
    if any(get(port, "hostPort") for port in items(spec, "ports")):
        yield "remove hostPort"
    if any(get(spec, path) for path in _HOSTS_OF_PROBES):
        yield "remove host from its probes and hooks"
    yield from _contexts(spec)
    yield from _required(pod, container)


_HOSTS_OF_PROBES = tuple(
    f"{probe}.{how}.host"
    for probe in (
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle.preStop",
        "lifecycle.postStart",
    )
    for how in ("httpGet", "tcpSocket")
)


def _required(pod: Pod, container: Container) -> Wrong:
    """What must be said: of a patch, what it says otherwise."""
    spec, capabilities = container.spec, "securityContext.capabilities"
    if _is_not(_either(pod, container, "runAsNonRoot"), pod, True):
        yield "set securityContext.runAsNonRoot to true"
    if pod.is_of_windows:
        return  # Linux' settings are refused there
    if _is_not(get(spec, "securityContext.allowPrivilegeEscalation"), pod, False):
        yield "set securityContext.allowPrivilegeEscalation to false"
    if str(get(spec, "securityContext.runAsUser")) == "0":
        yield "set securityContext.runAsUser to another than 0"
    if _is_not(_either(pod, container, "seccompProfile.type"), pod, *_SECCOMP):
        yield "set securityContext.seccompProfile.type to RuntimeDefault"
    given = get(spec, f"{capabilities}.drop")
    unsaid = given is UNKNOWN or (given is None and pod.partial)
    if not unsaid and "ALL" not in items(spec, f"{capabilities}.drop"):
        yield "drop ALL in securityContext.capabilities"


def _is_not(value: Any, pod: Pod, *wanted: Any) -> bool:
    if value is UNKNOWN or (pod.partial and value is None):
        return False
    return value not in wanted


def _contexts(spec: Mapping[str, Any]) -> Wrong:
    """Of a security context, whether a pod's or a container's."""
    security = "securityContext"
    if is_true(get(spec, f"{security}.windowsOptions.hostProcess")):
        yield "remove securityContext.windowsOptions.hostProcess"
    if get(spec, f"{security}.appArmorProfile.type", "RuntimeDefault") not in (*_SECCOMP, UNKNOWN):
        yield "set securityContext.appArmorProfile.type to RuntimeDefault"
    if get(spec, f"{security}.seLinuxOptions.type", "") not in (*_SELINUX, UNKNOWN):
        yield "remove securityContext.seLinuxOptions.type"
    if get(spec, f"{security}.seLinuxOptions.user") or get(spec, f"{security}.seLinuxOptions.role"):
        yield "remove user and role from securityContext.seLinuxOptions"


def _either(pod: Pod, container: Container, path: str) -> Any:
    """The container's own setting, else the pod's."""
    own = get(container.spec, f"securityContext.{path}")
    return own if own is not None else get(pod.spec, f"securityContext.{path}")
