"""Rules for pods: their resources, and Pod Security's level `restricted`."""

from collections.abc import Iterator, Mapping

from policy.pack.facts.elsewhere import wrong_elsewhere
from policy.pack.facts.manifests import manifests
from policy.pack.facts.objects import of_kind
from policy.pack.facts.pods import pods
from policy.pack.facts.restricted import wrong_of_container, wrong_of_pod
from policy.pack.model import UNKNOWN, Resource, Rule, Stack, Unclear, dotted, get, nodes

_RESOURCES = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_ENFORCED = "pod-security.kubernetes.io/enforce"


def requests_and_limits(resource: Resource, stack: Stack) -> Iterator[str]:
    found, _ = pods(resource)
    whole = (pod for pod in found if not (pod.partial or pod.is_template))
    for container in (each for pod in whole for each in pod.containers):
        missing = [path for path in _RESOURCES if get(container.spec, f"resources.{path}") is None]
        # Nobody may give resources to a container for debugging.
        if missing and not container.ephemeral:
            yield f"{container.called(resource)} has no {', '.join(missing)}: give them below resources"


def restricted_pods(resource: Resource, stack: Stack) -> Iterator[str]:
    found, _ = pods(resource)
    if resource.package == "kubernetes":
        for wrong in wrong_elsewhere(resource, found):
            yield f"{resource.kind} {wrong}"
    for pod in found:
        for wrong in wrong_of_pod(pod):
            yield f"{resource.kind} {wrong}"
        for container in pod.containers:
            for wrong in wrong_of_container(pod, container):
                yield f"{container.called(resource)}: {wrong}"


def no_host_path(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.package != "kubernetes":
        return
    read, _ = manifests(resource)
    within = (each for path, content in read for each in nodes(content, path))
    for path, node in (*resource.nodes, *within):
        # Below `properties` it is a schema, of a kind that has such a property.
        if path[-1:] == ("hostPath",) and isinstance(node, Mapping) and path[-2:-1] != ("properties",):
            mounted = get(node, "path", "a path")
            yield f"{resource.kind} mounts {mounted} of the node ({dotted(path)}): use a claim"


def restricted_namespaces(resource: Resource, stack: Stack) -> Iterator[str]:
    for namespace in of_kind(resource, "Namespace"):
        labels = namespace.get("metadata.labels", {})
        level = labels.get(_ENFORCED) if isinstance(labels, Mapping) else labels
        called = namespace.called(resource)
        if level is UNKNOWN and stack.production:
            yield Unclear((*namespace.path, "metadata", "labels")).said_of(resource)
        if level not in ("restricted", "baseline", UNKNOWN) and not (namespace.partial and level is None):
            yield f"{called} admits privileged pods: set the label {_ENFORCED} to restricted"


RULES = (
    Rule(
        "requests-and-limits",
        "Every container says what it needs, and what it may take.",
        resource=requests_and_limits,
        development="advisory",
    ),
    Rule(
        "restricted-pods",
        "Every pod passes Pod Security's level restricted.",
        resource=restricted_pods,
    ),
    Rule("no-host-path", "Nothing mounts a path of the node.", resource=no_host_path),
    Rule(
        "restricted-namespaces",
        "Every namespace enforces Pod Security.",
        resource=restricted_namespaces,
    ),
)
