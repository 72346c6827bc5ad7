"""Roles of Kubernetes that let somebody do everything, or become anybody."""

import pytest

from policy.pack.model import Resource
from tests.policy.pack.case import Case, ids, resource

_RULE = "no-wildcard-iam"
_API = "kubernetes:rbac.authorization.k8s.io/v1"
_EIGHT = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def _role(kind: str = "ClusterRole", **rule: object) -> tuple[Resource, ...]:
    return (resource(f"{_API}:{kind}", {"rules": [rule]}),)


def _aggregated(*selectors: object) -> tuple[Resource, ...]:
    return (resource(f"{_API}:ClusterRole", {"aggregationRule": {"clusterRoleSelectors": list(selectors)}}),)


def _bound(group: str) -> tuple[Resource, ...]:
    subjects = [{"kind": "Group", "name": group}]
    return (resource(f"{_API}:ClusterRoleBinding", {"roleRef": {"name": "view"}, "subjects": subjects}),)


CASES = [
    Case(_RULE, "all verbs by name", _role(resources=["*"], verbs=_EIGHT), 1),
    Case(_RULE, "all verbs on some", _role(resources=["pods", "services"], verbs=_EIGHT)),
    Case(_RULE, "reading everything", _role(resources=["*"], verbs=["get", "list", "watch"])),
    Case(_RULE, "every Secret", _role(resources=["pods", "secrets"], verbs=["*"]), 1),
    Case(_RULE, "every Secret of a namespace", _role("Role", resources=["secrets"], verbs=["*"])),
    Case(_RULE, "one Secret", _role(resources=["secrets"], resourceNames=["tls"], verbs=["*"])),
    Case(_RULE, "every path", _role(nonResourceURLs=["*"], verbs=["get"]), 1),
    Case(_RULE, "every path, with a slash", _role(nonResourceURLs=["/*"], verbs=["*"]), 1),
    Case(_RULE, "paths by their name", _role(nonResourceURLs=["/", "/metrics", "/healthz/*"], verbs=["get"])),
    Case(_RULE, "becoming anybody", _role(resources=["users"], verbs=["impersonate"]), 1),
    Case(_RULE, "becoming one", _role(resources=["users"], resourceNames=["ci"], verbs=["impersonate"])),
    Case(_RULE, "binding any role", _role("Role", resources=["roles"], verbs=["bind", "escalate"]), 1),
    Case(_RULE, "the rules of all roles", _aggregated({}), 1),
    Case(_RULE, "of all, with empty labels", _aggregated({"matchLabels": {}}), 1),
    Case(_RULE, "of labelled roles", _aggregated({"matchLabels": {"to": "view"}})),
    Case(_RULE, "masters", _bound("system:masters"), 1),
    Case(_RULE, "a group", _bound("readers")),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_no_role_of_a_cluster_gives_everything(case: Case) -> None:
    assert len(case.messages()) == case.violations
