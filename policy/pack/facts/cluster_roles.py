"""Finds Kubernetes roles and bindings that let somebody do everything, or become anybody."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policy.pack.facts.objects import Object, of_kind
from policy.pack.model import Path, Resource, Unclear, items, unclear

_EVERYTHING = frozenset({"*", "*/*"})
_VERBS = frozenset({"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"})
"""Every verb of a resource: who lists them all has said `*`."""
_BECOMING = frozenset({"bind", "escalate", "impersonate"})
"""Verbs by which somebody takes more than the role gives."""
_JUDGED = (
    "aggregationRule",
    "rules.nonResourceURLs",
    "rules.resourceNames",
    "rules.resources",
    "rules.verbs",
)


@dataclass(frozen=True)
class Width:
    """A right that is too wide: the object `of` grants it, and `what` continues a sentence that begins
    with its name."""

    of: Object
    what: str


def widths(resource: Resource) -> Iterator[Width]:
    """Returns the rights in a resource's roles and bindings that are too wide."""
    for role in of_kind(resource, "ClusterRole", "Role"):
        for rule in role.items("rules"):
            yield from (Width(role, what) for what in _by_rule(rule, role.kind))
        if any(_selects_all(each) for each in role.items("aggregationRule.clusterRoleSelectors")):
            yield Width(role, "takes up the rules of every role: name labels in clusterRoleSelectors")
    for binding in of_kind(resource, "ClusterRoleBinding", "RoleBinding"):
        if binding.get("roleRef.name") == "cluster-admin":
            yield Width(binding, "makes its subjects cluster-admin: bind a lesser role")
        if "system:masters" in (each.get("name") for each in _mappings(binding.items("subjects"))):
            yield Width(binding, "binds system:masters, which no role can hold back: name another group")


def unknown_roles(resource: Resource) -> Iterator[Unclear]:
    """Returns the parts of a resource's roles and bindings that a preview does not know."""
    for role in of_kind(resource, "ClusterRole", "Role"):
        yield from unclear(role.content, *_JUDGED, at=role.path)
    for binding in of_kind(resource, "ClusterRoleBinding", "RoleBinding"):
        yield from unclear(binding.content, "subjects.name", "roleRef.name", at=binding.path)


def _by_rule(rule: Any, kind: str) -> Iterator[str]:
    verbs, resources = _texts(rule, "verbs"), _texts(rule, "resources")
    every_verb = "*" in verbs or verbs >= _VERBS
    if every_verb and resources & _EVERYTHING:
        yield "allows every verb on every resource: name them"
    elif every_verb and "secrets" in resources and kind == "ClusterRole" and not items(rule, "resourceNames"):
        yield "allows every verb on every Secret: name the verbs, or give a Role of one namespace"
    if any(url.rstrip("/") in ("", "*", "/*") for url in _texts(rule, "nonResourceURLs") if url != "/"):
        yield "allows every path of the API server (nonResourceURLs): name them"
    if (becoming := verbs & _BECOMING) and not items(rule, "resourceNames"):
        yield f"allows {', '.join(sorted(becoming))} of anything: give resourceNames, or leave the verb out"


def _texts(rule: Any, name: str) -> frozenset[str]:
    return frozenset(str(each) for each in items(rule, name))


def _mappings(found: list[Any]) -> Iterator[Mapping[str, Any]]:
    return (each for each in found if isinstance(each, Mapping))


def _selects_all(selector: Any) -> bool:
    """True if every label passes: a selector that says nothing takes everything."""
    return isinstance(selector, Mapping) and not any(
        selector.get(each) for each in ("matchLabels", "matchExpressions")
    )


def binds(resource: Resource) -> Iterator[tuple[Path, str]]:
    """Returns the subjects of the resource's bindings, by name."""
    for binding in of_kind(resource, "ClusterRoleBinding", "RoleBinding"):
        for index, subject in enumerate(binding.items("subjects")):
            if isinstance(subject, Mapping) and isinstance(name := subject.get("name"), str):
                yield (*binding.path, "subjects", index), name
