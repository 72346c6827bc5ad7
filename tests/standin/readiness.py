"""Decides whether an object is ready, as the real provider does, and why not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.standin.cluster import Cluster, Manifest, Reference

_LOG_LINES = 15
_SHOWN_PODS = 3


@dataclass(frozen=True)
class Verdict:
    """The state of an object. `reason` says what it still needs; `failed` says that it will never be
    ready."""

    ready: bool
    reason: str = ""
    failed: bool = False


def verdict(cluster: Cluster, live: Manifest) -> Verdict:
    """Return whether `live` is ready. Objects of kinds without a readiness are ready at once."""
    check = _CHECKS.get((live["apiVersion"], live["kind"]))
    return check(cluster, live, live.get("status") or {}) if check else Verdict(True)


def _replicas(live: Manifest) -> int:
    count: int = live["spec"].get("replicas", 1)
    return count


def _unobserved(live: Manifest, status: Mapping[str, Any]) -> bool:
    return bool(status.get("observedGeneration", 0) < live["metadata"]["generation"])


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((row for row in status.get("conditions") or () if row["type"] == kind), {})


def _deployment(cluster: Cluster, live: Manifest, status: Mapping[str, Any]) -> Verdict:
    if _unobserved(live, status):
        return Verdict(False, "the controller has not seen it yet")
    wanted, updated = _replicas(live), status.get("updatedReplicas", 0)
    available, old = status.get("availableReplicas", 0), status.get("replicas", 0) - updated
    if updated >= wanted and available >= wanted and old == 0:
        return Verdict(True)
    progressing = _condition(status, "Progressing")
    reason = f"{available} of {wanted} replicas available, {updated} up to date, {old} of the former left"
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Verdict(False, f"{reason}: {progressing.get('message')}", failed=True)
    return Verdict(False, reason)


def _stateful_set(cluster: Cluster, live: Manifest, status: Mapping[str, Any]) -> Verdict:
    if _unobserved(live, status):
        return Verdict(False, "the controller has not seen it yet")
    wanted, ready = _replicas(live), status.get("readyReplicas", 0)
    rolling = live["spec"].get("updateStrategy", {}).get("type") != "OnDelete"
    if rolling and status.get("currentRevision") != status.get("updateRevision"):
        updated = status.get("updatedReplicas", 0)
        return Verdict(False, f"{updated} of {wanted} replicas up to date, {ready} ready")
    return Verdict(ready >= wanted, f"{ready} of {wanted} replicas ready")


def _daemon_set(cluster: Cluster, live: Manifest, status: Mapping[str, Any]) -> Verdict:
    if _unobserved(live, status):
        return Verdict(False, "the controller has not seen it yet")
    wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    available = status.get("numberAvailable", 0)
    return Verdict(
        updated >= wanted and available >= wanted,
        f"{available} of {wanted} pods available, {updated} up to date",
    )


def _job(cluster: Cluster, live: Manifest, status: Mapping[str, Any]) -> Verdict:
    if _condition(status, "Complete").get("status") == "True":
        return Verdict(True)
    failed = _condition(status, "Failed")
    if failed.get("status") == "True":
        return Verdict(False, f"{failed.get('reason')}: {failed.get('message')}", failed=True)
    counts = [f"{status.get(key, 0)} {key}" for key in ("active", "succeeded", "failed")]
    return Verdict(False, f"its pods: {', '.join(counts)}")


def _pod(cluster: Cluster, live: Manifest, status: Mapping[str, Any]) -> Verdict:
    phase = status.get("phase", "Pending")
    if phase == "Failed":
        return Verdict(
            False, f"it failed: {status.get('reason', '')} {status.get('message', '')}", failed=True
        )
    ready = phase == "Succeeded" or _condition(status, "Ready").get("status") == "True"
    return Verdict(ready, f"its phase is {phase}")


def _claim(cluster: Cluster, live: Manifest, status: Mapping[str, Any]) -> Verdict:
    phase = status.get("phase")
    if phase == "Bound":
        return Verdict(True)
    storage_class = live["spec"].get("storageClassName")
    if phase == "Pending" and storage_class:
        found = cluster.get(Reference("storage.k8s.io/v1", "StorageClass", "", storage_class))
        if found and found.get("volumeBindingMode") == "WaitForFirstConsumer":
            return Verdict(True)
    return Verdict(False, f"its phase is {phase}; no volume is bound to it (class {storage_class})")


def _service(cluster: Cluster, live: Manifest, status: Mapping[str, Any]) -> Verdict:
    spec, metadata = live["spec"], live["metadata"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return Verdict(True)
    if spec.get("type") == "LoadBalancer" and not (status.get("loadBalancer") or {}).get("ingress"):
        return Verdict(False, "no address was allocated for it; does this cluster have load balancers?")
    slices = cluster.items(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        metadata["namespace"],
        f"kubernetes.io/service-name={metadata['name']}",
    )
    endpoints = [item for part in slices for item in part.get("endpoints") or ()]
    ready = any(item.get("conditions", {}).get("ready") is not False for item in endpoints)
    return Verdict(ready, "it targets no ready pod; is spec.selector right, and are the pods ready?")


_CHECKS: dict[tuple[str, str], Callable[[Cluster, Manifest, Mapping[str, Any]], Verdict]] = {
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "StatefulSet"): _stateful_set,
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("batch/v1", "Job"): _job,
    ("v1", "Pod"): _pod,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "Service"): _service,
}


def symptoms(cluster: Cluster, live: Manifest) -> list[str]:
    """Return the problems of the object's pods: states, warnings, and the last lines of their logs."""
    if live["kind"] == "Pod":
        pods = [live]
    elif live["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job"}:
        labels = live["spec"].get("selector", {}).get("matchLabels") or {}
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        pods = cluster.items("v1", "Pod", live["metadata"]["namespace"], selector) if selector else []
    else:
        return _warnings(cluster, live)
    suffering = [pod for pod in pods if not _pod(cluster, pod, pod["status"]).ready]
    found = _warnings(cluster, live)
    for pod in sorted(suffering, key=lambda item: str(item["metadata"]["creationTimestamp"]))[-_SHOWN_PODS:]:
        found += _pod_symptoms(cluster, pod)
    return found


def _pod_symptoms(cluster: Cluster, pod: Manifest) -> list[str]:
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    status, found = pod["status"], []
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        found.append(f"pod {name} is not scheduled: {scheduled.get('message')}")
    rows = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    for row in rows:
        state, last = row.get("state", {}), row.get("lastState", {}).get("terminated")
        ended = state.get("terminated") or last
        waiting = state.get("waiting", {})
        if waiting:
            found.append(f"pod {name}, {row['name']}: {waiting.get('reason')} {waiting.get('message', '')}")
        if ended and ended.get("exitCode"):
            found.append(f"pod {name}, {row['name']}: {ended.get('reason')}, exit code {ended['exitCode']}")
        if (ended and ended.get("exitCode")) or (state.get("running") and not row.get("ready")):
            log = cluster.log(namespace, name, row["name"], _LOG_LINES)
            found += [f"last lines of pod {name}, {row['name']}:\n{log}"] if log else []
    return found + _warnings(cluster, pod)


def _warnings(cluster: Cluster, live: Manifest) -> list[str]:
    metadata = live["metadata"]
    if not metadata.get("namespace"):
        return []
    fields = f"involvedObject.uid={metadata['uid']},type=Warning"
    events = cluster.items("v1", "Event", metadata["namespace"], fields=fields)
    shown = [f"{metadata['name']}: {row.get('reason')} {row.get('message')}" for row in events]
    return list(dict.fromkeys(shown))[-_SHOWN_PODS:]
