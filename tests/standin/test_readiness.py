"""The stand-in waits until objects are ready. The API server and controllers are real; the tests play the
nodes."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import tenacity

from tests.standin.cluster import Cluster, Manifest, reference_of
from tests.standin.conftest import Listener, manifest
from tests.standin.errors import UnreadyError
from tests.standin.objects import Objects

URN = "urn:pulumi:dev::standin::kubernetes:apps/v1:Deployment::app"
LABELS: dict[str, Any] = {"app": "app"}
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "app", "image": "registry.invalid/app:1"}]},
}
WORKLOADS = {
    "Deployment": {"selector": {"matchLabels": LABELS}, "template": TEMPLATE},
    "StatefulSet": {"selector": {"matchLabels": LABELS}, "template": TEMPLATE, "serviceName": "app"},
}
eventually = tenacity.Retrying(
    retry=tenacity.retry_if_result(lambda value: not value),
    wait=tenacity.wait_fixed(0.1),
    stop=tenacity.stop_after_delay(60),
)


def workload(kind: str, namespace: str) -> Manifest:
    return manifest("apps/v1", kind, "app", namespace, spec=WORKLOADS[kind])


def job(namespace: str) -> Manifest:
    pod = {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
    return manifest("batch/v1", "Job", "task", namespace, spec={"backoffLimit": 0, "template": pod})


def claim(namespace: str, storage_class: str, **annotations: str) -> Manifest:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return manifest("v1", "PersistentVolumeClaim", "data", namespace, annotations=annotations, spec=spec)


def service(namespace: str, **spec: Any) -> Manifest:
    ports = [{"port": 80}]
    return manifest("v1", "Service", "app", namespace, spec={"selector": LABELS, "ports": ports, **spec})


def play_the_node(cluster: Cluster, namespace: str, **status: Any) -> None:
    """Give every pod of the namespace a status, as its node's kubelet would. There must be at least one
    pod."""
    pods = eventually(lambda: cluster.items("v1", "Pod", namespace))
    for pod in pods:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
        body = {"status": status}
        cluster.request("patch", path, body=body, content_type="application/merge-patch+json")


def pods_run(cluster: Cluster, namespace: str) -> None:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    play_the_node(
        cluster, namespace, phase="Running", podIP="10.0.0.1", podIPs=[{"ip": "10.0.0.1"}], conditions=[ready]
    )


def waits(operation: Callable[[], Manifest], engine: Listener, until: Callable[[], None]) -> Manifest:
    """Return the result of `operation`, which must still be waiting until `until` has made its condition
    true."""
    with ThreadPoolExecutor(1) as executor:
        future: Future[Manifest] = executor.submit(operation)
        assert eventually(lambda: engine.statuses or future.done())
        assert not future.done()
        until()
        return future.result(60)


@pytest.mark.parametrize("kind", list(WORKLOADS))
def test_workload_is_ready_when_its_pods_are(
    kind: str, objects: Objects, engine: Listener, cluster: Cluster, namespace: str
) -> None:
    made = waits(
        lambda: objects.create(URN, workload(kind, namespace), 60),
        engine,
        lambda: pods_run(cluster, namespace),
    )

    assert made["status"]["readyReplicas"] == 1


@pytest.mark.parametrize("kind", list(WORKLOADS))
def test_unready_workload_is_an_error_that_says_why(kind: str, objects: Objects, namespace: str) -> None:
    with pytest.raises(
        UnreadyError, match=f"{kind} {namespace}/app is not ready after 3 s: 0 of 1"
    ) as raised:
        objects.create(URN, workload(kind, namespace), 3)

    assert "no nodes available to schedule pods" in str(raised.value)
    assert raised.value.live["metadata"]["uid"]


def test_job_is_ready_when_complete(
    objects: Objects, engine: Listener, cluster: Cluster, namespace: str
) -> None:
    made = waits(
        lambda: objects.create(URN, job(namespace), 60),
        engine,
        lambda: play_the_node(cluster, namespace, phase="Succeeded"),
    )

    assert made["status"]["succeeded"] == 1


def test_failed_job_is_an_error_at_once_with_its_reason(
    objects: Objects, engine: Listener, cluster: Cluster, namespace: str
) -> None:
    ended = {
        "name": "app",
        "image": "app",
        "imageID": "app",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": {"exitCode": 3, "reason": "Error"}},
    }
    with pytest.raises(UnreadyError, match="failed: BackoffLimitExceeded: ") as raised:
        waits(
            lambda: objects.create(URN, job(namespace), 60),
            engine,
            lambda: play_the_node(cluster, namespace, phase="Failed", containerStatuses=[ended]),
        )

    assert "app: Error, exit code 3" in str(raised.value)


def test_claim_waits_for_its_volume_unless_told_otherwise(
    objects: Objects, cluster: Cluster, namespace: str
) -> None:
    with pytest.raises(UnreadyError, match="its phase is Pending; no volume is bound to it") as raised:
        objects.create(URN, claim(namespace, "missing"), 1)
    state = raised.value.live
    objects.update(URN, state, claim(namespace, "missing", **{"pulumi.com/skipAwait": "true"}), [], 1)


def test_claim_that_binds_with_its_first_pod_is_ready_before(
    objects: Objects, cluster: Cluster, namespace: str
) -> None:
    late = manifest(
        "storage.k8s.io/v1",
        "StorageClass",
        namespace,
        "",
        provisioner="tests.nebula/none",
        volumeBindingMode="WaitForFirstConsumer",
    )
    cluster.apply(late, "tests", force=False, dry_run=False)

    assert objects.create(URN, claim(namespace, namespace), 30)["status"]["phase"] == "Pending"

    cluster.delete(reference_of(late), "Background")


def test_service_is_ready_when_it_has_an_endpoint(
    objects: Objects, engine: Listener, cluster: Cluster, namespace: str
) -> None:
    def endpoint_appears() -> None:
        part = manifest(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            "app",
            namespace,
            labels={"kubernetes.io/service-name": "app"},
            addressType="IPv4",
            endpoints=[{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
        )
        cluster.apply(part, "tests", force=False, dry_run=False)

    waits(lambda: objects.create(URN, service(namespace), 60), engine, endpoint_appears)


@pytest.mark.parametrize("spec", [{"clusterIP": "None"}, {"selector": {}}])
def test_service_without_address_or_selector_is_ready_at_once(
    objects: Objects, namespace: str, spec: dict[str, Any]
) -> None:
    objects.create(URN, service(namespace, **spec), 1)


def test_cancellation_ends_a_wait_and_keeps_the_object(
    objects: Objects, engine: Listener, cluster: Cluster, namespace: str
) -> None:
    with pytest.raises(UnreadyError, match="cancelled while waiting for Deployment ") as raised:
        waits(lambda: objects.create(URN, workload("Deployment", namespace), 60), engine, engine.cancel)

    assert cluster.get(reference_of(raised.value.live)) is not None


def test_lasting_unreadiness_shows_on_reading(objects: Objects, cluster: Cluster, namespace: str) -> None:
    wanted = workload("Deployment", namespace)
    with pytest.raises(UnreadyError):
        objects.create(URN, wanted, 1)

    live, reason = objects.read(reference_of(wanted), wanted, wanted)

    assert live is not None
    assert "0 of 1 replicas available" in reason
