"""A Kubernetes cluster as its administrator sees it: its objects, its pods, and programs that run in a
pod."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError

from components.software import TABLE
from components.software.images import reference
from tests.e2e.full import eventually

_PASSING = frozenset(
    {"Event", "Lease", "EndpointSlice", "Endpoints", "ComponentStatus", "NodeMetrics", "PodMetrics"}
)
"""Kinds that the cluster's own parts write and forget all the time."""
_COMPONENT = "app.kubernetes.io/component"
_POD_SECONDS = 300


class Cluster:
    """A client of the API server of a kubeconfig."""

    def __init__(self, kubeconfig: Path, mirror: str | None) -> None:
        self.kubeconfig = kubeconfig
        self.mirror = mirror
        self._api = config.new_client_from_config(str(kubeconfig))
        self._dynamic = DynamicClient(self._api)
        self.core: Any = client.CoreV1Api(self._api)

    def close(self) -> None:
        self._api.close()

    def api_ports(self) -> list[int]:
        """Return the ports on which the API server listens behind the service `kubernetes`."""
        discovery: Any = client.DiscoveryV1Api(self._api)
        label = "kubernetes.io/service-name=kubernetes"
        (endpoints,) = discovery.list_namespaced_endpoint_slice("default", label_selector=label).items
        return [443, *(port.port for port in endpoints.ports)]

    def objects(self) -> set[str]:
        """Return every object of every kind that the API server lists, as `kind namespace/name`."""
        return set(self._objects())

    def _objects(self) -> Iterator[str]:
        for resource in chain.from_iterable(self._dynamic.resources):
            if (
                "list" not in (resource.verbs or ())
                or resource.kind in _PASSING
                or resource.kind.endswith("List")
            ):
                continue
            try:
                items = resource.get().items
            except (ApiException, DynamicApiError):
                continue
            for item in items:
                yield f"{resource.kind} {item.metadata.namespace or ''}/{item.metadata.name}"

    def make_namespace(self, name: str) -> None:
        """Create a namespace for a stack, and wait for the objects that the cluster itself adds to it."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.core.create_namespace({"metadata": {"name": name, "labels": labels}})
        for attempt in eventually(_POD_SECONDS):
            with attempt:
                self.core.read_namespaced_service_account("default", name)
                self.core.read_namespaced_config_map("kube-root-ca.crt", name)

    def remove_namespace(self, name: str) -> None:
        self.core.delete_namespace(name)
        for attempt in eventually(_POD_SECONDS):
            with attempt:
                assert name not in {each.metadata.name for each in self.core.list_namespace().items}

    def pods(self, namespace: str) -> list[Any]:
        """Return the pods of servers. Pods of tasks, which end, are left out."""
        return [
            pod
            for pod in self.core.list_namespaced_pod(namespace).items
            if pod.metadata.deletion_timestamp is None
            and not any(owner.kind == "Job" for owner in pod.metadata.owner_references or ())
        ]

    def identities(self, namespace: str) -> dict[str, set[str]]:
        """Return the uids of the pods of each workload."""
        found: dict[str, set[str]] = {}
        for pod in self.pods(namespace):
            found.setdefault(pod.metadata.labels[_COMPONENT], set()).add(pod.metadata.uid)
        return found

    def wait_until_ready(self, namespace: str, workload: str, other_than: set[str], count: int = 1) -> None:
        """Wait until the workload has `count` ready pods, none of them with a uid in `other_than`."""
        for attempt in eventually(_POD_SECONDS):
            with attempt:
                pods = [p for p in self.pods(namespace) if p.metadata.labels[_COMPONENT] == workload]
                assert len(pods) == count
                assert all(ready(pod) and pod.metadata.uid not in other_than for pod in pods)

    def run(
        self,
        namespace: str,
        software: str,
        program: str,
        arguments: Sequence[str],
        labels: Mapping[str, str],
        name: str = "client",
        image: str | None = None,
    ) -> str:
        """Run a Python program in a pod, and return its output. The pod uses the image of the bundled app
        `software`, or `image`, which must be built like one."""
        image = image or reference(TABLE[software].image, self.mirror)
        home, user = TABLE[software].image.home, TABLE[software].image.user
        name = f"check-{name}"
        container = client.V1Container(
            name="main",
            image=image,
            command=[f"{home}/venv/bin/python", "-c", program, *arguments],
            env=[client.V1EnvVar(name="HOME", value="/tmp")],
            resources=client.V1ResourceRequirements(
                requests={"cpu": "10m", "memory": "64Mi"}, limits={"cpu": "1", "memory": "512Mi"}
            ),
            security_context=client.V1SecurityContext(
                allow_privilege_escalation=False,
                capabilities=client.V1Capabilities(drop=["ALL"]),
                read_only_root_filesystem=True,
            ),
            volume_mounts=[client.V1VolumeMount(name="tmp", mount_path="/tmp")],
        )
        pod = client.V1Pod(
            metadata=client.V1ObjectMeta(name=name, labels=dict(labels)),
            spec=client.V1PodSpec(
                containers=[container],
                restart_policy="Never",
                automount_service_account_token=False,
                enable_service_links=False,
                security_context=client.V1PodSecurityContext(
                    run_as_non_root=True,
                    run_as_user=user,
                    seccomp_profile=client.V1SeccompProfile(type="RuntimeDefault"),
                ),
                volumes=[client.V1Volume(name="tmp", empty_dir=client.V1EmptyDirVolumeSource())],
            ),
        )
        self.core.create_namespaced_pod(namespace, pod)
        try:
            for attempt in eventually(_POD_SECONDS):
                with attempt:
                    phase = self.core.read_namespaced_pod(name, namespace).status.phase
                    assert phase in ("Succeeded", "Failed")
            log = str(self.core.read_namespaced_pod_log(name, namespace))
            assert phase == "Succeeded", log
            return log
        finally:
            self.core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)
            for attempt in eventually(_POD_SECONDS):
                with attempt:
                    names = {p.metadata.name for p in self.core.list_namespaced_pod(namespace).items}
                    assert name not in names


def ready(pod: Any) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or ())


def restarts(pod: Any) -> int:
    statuses = [*(pod.status.container_statuses or ()), *(pod.status.init_container_statuses or ())]
    return sum(status.restart_count for status in statuses)


def json_row(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return a row of Trino's as it looks after it was written as JSON in a pod."""
    return tuple(json.loads(json.dumps(list(row), default=str)))
