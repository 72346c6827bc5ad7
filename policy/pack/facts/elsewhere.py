"""Finds settings of pods in custom resources, from which controllers make pods."""

from collections.abc import Iterator, Mapping
from typing import Any

from policy.pack.facts.pods import Pod
from policy.pack.facts.restricted import HOST, is_true
from policy.pack.model import Path, Resource, dotted

_DANGEROUS = frozenset({*HOST, "privileged", "allowPrivilegeEscalation", "hostProcess"})
_VALUES: Mapping[str, tuple[str, ...]] = {
    "runAsUser": ("0",),
    "runAsNonRoot": ("false",),
    "procMount": ("unmasked",),
}
"""Values in lower case that no pod of `restricted` has, in any place."""
_KINDS = frozenset(
    {
        *(
            "awsElasticBlockStore",
            "azureDisk",
            "azureFile",
            "cephfs",
            "cinder",
            "fc",
            "flexVolume",
            "flocker",
        ),
        *(
            "gcePersistentDisk",
            "gitRepo",
            "glusterfs",
            "iscsi",
            "nfs",
            "photonPersistentDisk",
            "portworxVolume",
        ),
        *("quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"),
    }
)
"""Kinds of volumes that `restricted` refuses, but for hostPath, of which another rule is."""


def wrong_elsewhere(resource: Resource, found: list[Pod]) -> Iterator[str]:
    """Returns the settings of a custom resource that violate `restricted`, outside the pods that were
    `found`."""
    within = [pod.path for pod in found if not pod.is_template]
    for path, value in resource.nodes:
        if path and not any(path[: len(each)] == each for each in within) and _is_wrong(path, value):
            yield f"asks for what is not restricted: remove {dotted(path)}"


def _is_wrong(path: Path, value: Any) -> bool:
    key = str(path[-1])
    if key in _DANGEROUS:
        return is_true(value)
    if key in _VALUES:
        return str(value).lower() in _VALUES[key]
    if path[-2:] == ("capabilities", "add") and isinstance(value, list):
        return any(each != "NET_BIND_SERVICE" for each in value)
    if path[-2:] == ("seccompProfile", "type"):
        return str(value) == "Unconfined"
    if isinstance(value, Mapping) and path[-2:-1] == ("volumes",) and "name" in value:
        return bool(_KINDS & set(value))
    return False
