"""Whose a namespace is, and what of others is in it: asked before a stack makes it its own or removes it.

The Kubernetes provider creates by server-side apply, which takes over a namespace that is there already;
and a namespace takes everything in it along when it is deleted.
"""

from collections.abc import Callable, Iterator, Mapping
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
        return list(_strangers(api, site))


def _strangers(api: Any, site: Site) -> Iterator[str]:
    for kind, listed in _KINDS.items():
        for each in listed(api, site.namespace).items:
            # What belongs to something in the list goes with that: executors with their driver.
            if _instance(each) != site.stack and not each.metadata.owner_references:
                yield f"{kind}/{each.metadata.name}"


def _instance(found: Any) -> str:
    return str((found.metadata.labels or {}).get(INSTANCE, ""))
