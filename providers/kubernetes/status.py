"""Reads the pods of a stack from the cluster."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

from providers.kubernetes.naming import COMPONENT, INSTANCE, dns_label


class ClusterError(Exception):
    """The cluster does not answer, or refuses. The message says which cluster it is and what to check."""


class UnreachableError(ClusterError):
    """The cluster cannot be connected to: nothing can be read there, or changed."""


@dataclass(frozen=True)
class PodStatus:
    """A pod: its workload, its phase or the reason why it waits, its restarts, and its age in seconds."""

    name: str
    workload: str
    state: str
    restarts: int
    node: str
    age: float


@dataclass(frozen=True)
class Site:
    """The cluster and the namespace of a stack, from the stack's configuration."""

    stack: str
    namespace: str
    context: str | None
    kubeconfig: str | None
    created: bool = True
    """True if the namespace is the stack's own: made by it, and gone with it."""

    @staticmethod
    def of(stack: str, kubernetes: Mapping[str, Any]) -> "Site":
        """Returns the site in the `kubernetes` section of a stack file, which is not checked."""
        namespace = kubernetes.get("namespace")
        said = namespace if isinstance(namespace, dict) else {}
        return Site(
            stack,
            said.get("name") or f"nebula-{stack}",
            kubernetes.get("context"),
            kubernetes.get("kubeconfig"),
            bool(said.get("create", True)),
        )


def pods(site: Site) -> list[PodStatus]:
    """Returns all pods of the stack. Raises ClusterError."""
    with _api(site) as api:
        found = api.list_namespaced_pod(site.namespace, label_selector=f"{INSTANCE}={site.stack}").items
    now = datetime.now(UTC)
    return [
        PodStatus(
            name=pod.metadata.name,
            workload=pod.metadata.labels.get(COMPONENT, ""),
            state=_state(pod),
            restarts=sum(status.restart_count for status in pod.status.container_statuses or ()),
            node=pod.spec.node_name or "",
            age=(now - pod.metadata.creation_timestamp).total_seconds(),
        )
        for pod in sorted(found, key=lambda pod: str(pod.metadata.name))
    ]


def log(site: Site, component: str, *, follow: bool, lines: int) -> Iterator[str]:
    """Prints the last `lines` lines of the newest pod of a workload or task, and with `follow` the lines
    that come.

    Raises ClusterError, which lists the workloads if none is called `component`.
    """
    every = pods(site)
    named = [pod for pod in every if pod.workload == dns_label(component)]
    if not named:
        known = ", ".join(sorted({pod.workload for pod in every})) or "none"
        raise ClusterError(f"no pod of {site.namespace} belongs to {component!r}; there are: {known}")
    newest = min(named, key=lambda pod: pod.age)
    with _api(site) as api:
        answer = api.read_namespaced_pod_log(
            newest.name, site.namespace, follow=follow, tail_lines=lines, _preload_content=False
        )
        for piece in answer.stream():
            yield piece.decode(errors="replace")


@contextmanager
def api_client(site: Site) -> Iterator[Any]:
    """Yields a client of the cluster. An error in the block becomes a ClusterError that names the cluster."""
    where = f"the cluster of context {site.context or 'current'}"
    try:
        with config.new_client_from_config(config_file=site.kubeconfig, context=site.context) as api:
            yield api
    except config.ConfigException as error:
        raise ClusterError(f"no way to {where}: {error}; see `kubectl config get-contexts`") from error
    except ApiException as error:
        raise ClusterError(f"{where} refused: {error.status} {error.reason} ({site.namespace})") from error
    except HTTPError as error:
        reason = error.reason if isinstance(error, MaxRetryError) else error
        # Not what fails in a connection, as TLS does: another client may take what ours refuses.
        apart = isinstance(reason, NewConnectionError | ConnectTimeoutError)
        kind = UnreachableError if apart else ClusterError
        raise kind(f"{where} does not answer: {error}; see `kubectl cluster-info`") from error


@contextmanager
def _api(site: Site) -> Iterator[Any]:
    with api_client(site) as api:
        yield client.CoreV1Api(api)


def _state(pod: Any) -> str:
    """Returns the state as `kubectl get pods` shows it: the reason why a container waits, or else the
    phase."""
    if pod.metadata.deletion_timestamp:
        return "Terminating"
    for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())):
        if status.state.waiting and status.state.waiting.reason:
            return str(status.state.waiting.reason)
    if pod.status.phase == "Running":
        ready = any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or ())
        return "Ready" if ready else "Starting"
    return str(pod.status.phase)
