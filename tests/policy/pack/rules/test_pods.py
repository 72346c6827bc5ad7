"""What pods must say of themselves."""

import pytest

from policy.pack.model import UNKNOWN
from tests.policy.pack.case import Case, ids, pod, resource

_REQUESTS, _RESTRICTED = "requests-and-limits", "restricted-pods"
_SECURE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _security(**changes: object) -> Case:
    what = ", ".join(changes)
    return Case(_RESTRICTED, what, (pod({"securityContext": {**_SECURE, **changes}}),), 1)


CASES = [
    Case(_REQUESTS, "none", (pod({"resources": {}}),), 1),
    Case(_REQUESTS, "requests only", (pod({"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}),), 1),
    Case(_REQUESTS, "an init container without", (pod(initContainers=[{"name": "init"}]),), 1),
    Case(_REQUESTS, "all", (pod(),)),
    Case(_REQUESTS, "not known yet", (pod({"resources": UNKNOWN}),)),
    Case(_REQUESTS, "no workload", (resource("kubernetes:core/v1:ConfigMap"),)),
    Case(_RESTRICTED, "restricted", (pod(),)),
    Case(_RESTRICTED, "not known yet", (pod({"securityContext": UNKNOWN}),)),
    Case(_RESTRICTED, "no context", (pod({"securityContext": {}}),), 2),
    Case(_RESTRICTED, "may run as root", (pod(securityContext={}),), 2),
    Case(_RESTRICTED, "the node's network", (pod(hostNetwork=True),), 1),
    Case(_RESTRICTED, "the node's files", (pod(volumes=[{"name": "a", "hostPath": {"path": "/"}}]),), 1),
    Case(_RESTRICTED, "the node's port", (pod({"ports": [{"containerPort": 1, "hostPort": 1}]}),), 1),
    _security(privileged=True),
    _security(allowPrivilegeEscalation=True),
    _security(runAsUser=0),
    _security(runAsNonRoot=False),
    _security(seccompProfile={"type": "Unconfined"}),
    _security(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    _security(capabilities={"drop": ["NET_RAW"]}),
    Case(
        _RESTRICTED,
        "a port below 1024",
        (
            pod(
                {
                    "securityContext": {
                        **_SECURE,
                        "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                    }
                }
            ),
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_pods_are_bounded_and_restricted(case: Case) -> None:
    assert len(case.messages()) == case.violations
