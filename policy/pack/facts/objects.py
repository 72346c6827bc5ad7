"""Finds Kubernetes objects in a resource: the resource itself, a patch, or a list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policy.pack.model import Path, Resource, get, items, tag_name


@dataclass(frozen=True)
class Object:
    """A Kubernetes object of `kind` in the API group `group` (empty for the core group). A `partial` one
    is a patch; whatever it omits stays as it is."""

    kind: str
    group: str
    path: Path
    content: Mapping[str, Any]
    partial: bool = False

    def get(self, path: str, default: Any = None) -> Any:
        return get(self.content, path, default)

    def items(self, path: str) -> list[Any]:
        return items(self.content, path)

    def listed(self, path: str) -> list[Any]:
        """The list at `path` with what is not known in it, so that each item is at its place."""
        found = self.get(path)
        return found if isinstance(found, list) else []

    @property
    def annotations(self) -> Mapping[str, Any]:
        found = self.get("metadata.annotations", {})
        return found if isinstance(found, Mapping) else {}

    @property
    def component(self) -> str:
        """The platform's component that it belongs to, by its labels; empty when they do not say."""
        labels = self.get("metadata.labels", {})
        named = labels.items() if isinstance(labels, Mapping) else ()
        return next((str(v).replace("-", "_") for k, v in named if tag_name(k) == "component"), "")

    def called(self, resource: Resource) -> str:
        """How a reader knows it: its resource, and its own name where that has many."""
        if not self.path:
            return resource.kind
        return f"{resource.kind}, {self.kind} {self.get('metadata.name', self.path[-1])}"


def objects(resource: Resource) -> Iterator[Object]:
    """Returns the Kubernetes objects of a resource; none for other resources."""
    if resource.package != "kubernetes":
        return
    module, _, kind = resource.type.removeprefix("kubernetes:").partition(":")
    group = module.partition("/")[0] if "/" in module else ""
    group = "" if group == "core" else group
    listed = resource.get("items")
    if kind.endswith("List") and isinstance(listed, list):
        for index, item in enumerate(listed):
            if isinstance(item, Mapping):
                named = str(item.get("kind") or kind.removesuffix("List"))
                yield Object(named, _group_of(item, group), ("items", index), item)
        return
    yield Object(kind.removesuffix("Patch"), group, (), resource.properties, partial=kind.endswith("Patch"))


def of_kind(resource: Resource, *kinds: str) -> Iterator[Object]:
    """Returns the resource's objects of the given kinds."""
    return (found for found in objects(resource) if found.kind in kinds)


def _group_of(item: Mapping[str, Any], default: str) -> str:
    version = item.get("apiVersion")
    if not isinstance(version, str):
        return default
    return version.rpartition("/")[0]
