"""Whose a namespace is, and what of others is in it: asked before a stack makes it its own or removes it.

The Kubernetes provider creates by server-side apply, which takes over a namespace that is there already;
and a namespace takes everything in it along when it is deleted.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from providers.kubernetes.naming import INSTANCE
from providers.kubernetes.status import Site, api_client

_NOT_FOUND = 404
_KINDS: Mapping[str, Callable[[Any, str], Any]] = {
    "PersistentVolumeClaim": lambda api, name: client.CoreV1Api(api).list_namespaced_persistent_volume_claim(
        name
    ),
    "StatefulSet": lambda api, name: client.AppsV1Api(api).list_namespaced_stateful_set(name),
    "Deployment": lambda api, name: client.AppsV1Api(api).list_namespaced_deployment(name),
    "ReplicaSet": lambda api, name: client.AppsV1Api(api).list_namespaced_replica_set(name),
    "DaemonSet": lambda api, name: client.AppsV1Api(api).list_namespaced_daemon_set(name),
    "CronJob": lambda api, name: client.BatchV1Api(api).list_namespaced_cron_job(name),
    "Job": lambda api, name: client.BatchV1Api(api).list_namespaced_job(name),
    "Pod": lambda api, name: client.CoreV1Api(api).list_namespaced_pod(name),
}
"""What holds data or runs, and who lists it."""


class Tenancy(Enum):
    """How a namespace stands to a stack that does not know it yet."""

    FREE = "absent"
    LABELLED = "labelled as this stack's"
    FOREIGN = "somebody else's"


def tenancy(site: Site) -> Tenancy:
    """Tell whose the namespace of `site` is. Raises ClusterError."""
    with api_client(site) as api:
        try:
            found = client.CoreV1Api(api).read_namespace(site.namespace)
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return Tenancy.FREE
            raise
    return Tenancy.LABELLED if _instance(found) == site.stack else Tenancy.FOREIGN


def strangers(site: Site) -> list[str]:
    """What holds data or runs in the namespace and is not the stack's: `Pod/x`. Raises ClusterError."""
    with api_client(site) as api:
        listed = [(kind, each) for kind, lists in _KINDS.items() for each in lists(api, site.namespace).items]
    ours = _ours([each for _, each in listed], site.stack)
    return [f"{kind}/{each.metadata.name}" for kind, each in listed if each.metadata.uid not in ours]


def _ours(listed: Sequence[Any], stack: str) -> set[str]:
    """The uids of what has the stack's label, and of what belongs to that, as executors do to their driver.
    An owner that is not listed proves nothing: it may be the custom resource of somebody's operator."""
    ours = {each.metadata.uid for each in listed if _instance(each) == stack}
    before = -1
    while before != len(ours):
        before = len(ours)
        ours |= {
            each.metadata.uid
            for each in listed
            if any(owner.uid in ours for owner in each.metadata.owner_references or ())
        }
    return ours


def _instance(found: Any) -> str:
    return str((found.metadata.labels or {}).get(INSTANCE, ""))
