"""Finds out whose a namespace is, before a stack takes it over or removes it.

The Kubernetes provider creates by server-side apply, which takes over a namespace that exists. Deleting a
namespace deletes everything in it.
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
    """Says whose a namespace is, seen from a stack whose state does not have it."""

    FREE = "absent"
    LABELLED = "labelled as this stack's"
    FOREIGN = "somebody else's"


def tenancy(site: Site) -> Tenancy:
    """Returns whose the namespace of `site` is. Raises ClusterError."""
    with api_client(site) as api:
        try:
            found = client.CoreV1Api(api).read_namespace(site.namespace)
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return Tenancy.FREE
            raise
    return Tenancy.LABELLED if _instance(found) == site.stack else Tenancy.FOREIGN


def strangers(site: Site) -> list[str]:
    """Returns the objects in the namespace that run or hold data and are not the stack's, such as
    `Pod/x`. Raises ClusterError."""
    with api_client(site) as api:
        listed = [(kind, each) for kind, lists in _KINDS.items() for each in lists(api, site.namespace).items]
    ours = _ours([each for _, each in listed], site.stack)
    return [f"{kind}/{each.metadata.name}" for kind, each in listed if each.metadata.uid not in ours]


def _ours(listed: Sequence[Any], stack: str) -> set[str]:
    """Returns the uids of objects with the stack's label, and of objects that these own, as a driver
    owns its executors. An owner that is not listed proves nothing: it may be a custom resource of
    another operator."""
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
