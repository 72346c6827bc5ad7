"""Finds pods by their form: anything with containers is a pod, in any kind of any API."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from policy.pack.facts.manifests import manifests
from policy.pack.model import UNKNOWN, Path, Resource, Unclear, dotted, get, items, nodes

_LISTS = ("initContainers", "containers", "ephemeralContainers")
_LEADING_TO_PODS = frozenset({"spec", "template", "jobTemplate", "podTemplate", "items", *_LISTS})
"""Properties below which pods stand: of one that is not known, nobody can say."""


@dataclass(frozen=True)
class Pod:
    """A pod's specification. A `partial` one is a patch, and is judged by what it has. An `is_template`
    one stands in a text, from which something else makes pods and gives them resources."""

    path: Path
    spec: Mapping[str, Any]
    metadata: Any
    partial: bool
    is_template: bool = False

    @property
    def annotations(self) -> Mapping[str, Any]:
        """Those of what the specification belongs to."""
        found = get(self.metadata, "annotations")
        return found if isinstance(found, Mapping) else {}

    @property
    def is_of_windows(self) -> bool:
        return bool(get(self.spec, "os.name") == "windows")

    @property
    def containers(self) -> Iterator["Container"]:
        for name in _LISTS:
            for index, found in enumerate(items(self.spec, name)):
                if isinstance(found, Mapping):
                    yield Container((*self.path, name, index), found, ephemeral=name == _LISTS[2])


@dataclass(frozen=True)
class Container:
    path: Path
    spec: Mapping[str, Any]
    ephemeral: bool = False

    def called(self, resource: Resource) -> str:
        return f"{resource.kind}, container {self.spec.get('name') or dotted(self.path)}"


def pods(resource: Resource) -> tuple[list[Pod], list[Unclear]]:
    """Returns the pods of a Kubernetes resource, and unknown properties that may hold one."""
    read, unclear = manifests(resource)
    found: list[Pod] = []
    if resource.package == "kubernetes":
        partial = resource.type.endswith("Patch")
        unclear += [
            Unclear(path) for path, node in resource.nodes if node is UNKNOWN and _leads_to_pods(path)
        ]
        for path, content in read:
            found += [replace(pod, is_template=True) for pod in _within(nodes(content, path), partial)]
        found += _within(resource.nodes, partial)
    return found, unclear


def containers(resource: Resource) -> Iterator[Container]:
    """Returns the containers of any resource that has pods or tasks, of Kubernetes or of a cloud."""
    for path, node in resource.nodes:
        if isinstance(node, Mapping) and any(isinstance(node.get(name), list) for name in _LISTS):
            yield from Pod(path, node, {}, partial=True).containers


def _within(found: Any, partial: bool) -> Iterator[Pod]:
    above: dict[Path, Any] = {}
    for path, node in found:
        above[path] = node
        if isinstance(node, Mapping) and any(isinstance(node.get(name), list) for name in _LISTS):
            yield Pod(path, node, get(above.get(path[:-1]), "metadata"), partial)


def _leads_to_pods(path: Path) -> bool:
    """True if `path` is of lists and of properties that lead to pods only, as `spec.template` and `items[2]`
    are, and in a custom resource what is in a podTemplate."""
    below = path[path.index("podTemplate") :] if "podTemplate" in path else path
    leads = all(isinstance(key, int) or key in _LEADING_TO_PODS for key in below)
    return bool(path) and (leads or path[-1] in _LISTS)
