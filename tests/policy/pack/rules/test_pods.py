"""What pods must say of themselves."""

import base64
import json
from collections.abc import Mapping

import pytest
import yaml

from policy.pack.model import UNKNOWN, Resource
from tests.policy.pack.case import Case, ids, pod, resource

_REQUESTS, _RESTRICTED = "requests-and-limits", "restricted-pods"
_CONTEXT = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
_RUN_AS = {"securityContext": _CONTEXT}
_SECURE = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _security(**changes: object) -> Case:
    what = ", ".join(changes)
    return Case(_RESTRICTED, what, (pod({"securityContext": {**_SECURE, **changes}}),), 1)


def _pod_with(**changes: object) -> Case:
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **changes}
    return Case(_RESTRICTED, f"a pod's {', '.join(changes)}", (pod(securityContext=security),), 1)


def _namespace(kind: str, level: str) -> Resource:
    labels = {"pod-security.kubernetes.io/enforce": level}
    return resource(f"kubernetes:core/v1:{kind}", {"metadata": {"name": "a", "labels": labels}})


_PATH, _NAMESPACES, _VOLUME = "no-host-path", "restricted-namespaces", "kubernetes:core/v1:PersistentVolume"
BAD = {"containers": [{"name": "main", "securityContext": {**_SECURE, "privileged": True}}], **_RUN_AS}
GOOD = {"containers": [{"name": "main", "securityContext": _SECURE}], **_RUN_AS}


def _shapes(spec: Mapping[str, object]) -> dict[str, Resource]:
    """The same pod, wherever one may stand."""
    template = {"template": {"spec": spec}}
    manifest = {"apiVersion": "v1", "kind": "Pod", "spec": spec}
    return {
        "a pod": resource("kubernetes:core/v1:Pod", {"spec": spec}),
        "a template": resource("kubernetes:core/v1:PodTemplate", {"template": {"spec": spec}}),
        "a job": resource("kubernetes:batch/v1:Job", {"spec": template}),
        "a job by the clock": resource(
            "kubernetes:batch/v1:CronJob", {"spec": {"jobTemplate": {"spec": template}}}
        ),
        "an older one": resource(
            "kubernetes:batch/v1beta1:CronJob", {"spec": {"jobTemplate": {"spec": template}}}
        ),
        "replicas": resource("kubernetes:apps/v1:ReplicaSet", {"spec": template}),
        "replicas of old": resource("kubernetes:core/v1:ReplicationController", {"spec": template}),
        "a list": resource("kubernetes:apps/v1:DeploymentList", {"items": [{"spec": template}]}),
        "a patch": resource("kubernetes:apps/v1:DaemonSetPatch", {"spec": template}),
        "a resource of one's own": resource("kubernetes:argoproj.io/v1alpha1:Rollout", {"spec": template}),
        "deep in one": resource("kubernetes:a.b/v1:C", {"spec": {"driver": {"podTemplate": {"spec": spec}}}}),
        "a text": resource("kubernetes:core/v1:ConfigMap", {"data": {"pod.yaml": yaml.safe_dump(manifest)}}),
        "JSON": resource("kubernetes:core/v1:ConfigMap", {"data": {"pod": json.dumps(manifest)}}),
    }


def _text(text: str, kind: str = "ConfigMap", place: str = "data") -> Resource:
    return resource(f"kubernetes:core/v1:{kind}", {place: {"pod.yaml": text}})


def _custom(**spec: object) -> Resource:
    return resource("kubernetes:a.b/v1:C", {"spec": spec})


def _encoded(spec: Mapping[str, object]) -> str:
    return base64.b64encode(yaml.safe_dump({"spec": spec}).encode()).decode()


_ON_THE_NODE = {"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}
_MOUNTED = yaml.safe_dump({"spec": {**GOOD, **_ON_THE_NODE}})
_WINDOWS = {"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": True}}
IN_TEXTS = [
    Case(_PATH, "a text", (_text(_MOUNTED),), 1),
    Case(_PATH, "a volume in a text", (_text(yaml.safe_dump({"spec": {"hostPath": {"path": "/"}}})),), 1),
    Case(_PATH, "a text without", (_text(yaml.safe_dump({"spec": GOOD})),)),
    Case(_PATH, "a path that is not said", (pod(volumes=[{"name": "a", "hostPath": {}}]),), 1),
    Case(
        _PATH, "a path that is not known", (pod(volumes=[{"name": "a", "hostPath": {"path": UNKNOWN}}]),), 1
    ),
    Case(_PATH, "a schema", (_custom(properties={"hostPath": {"type": "object"}}),)),
    Case(_RESTRICTED, "binary data", (_text(_encoded(BAD), place="binaryData"),), 1),
    Case(_RESTRICTED, "a Secret's data", (_text(_encoded(BAD), "Secret"),), 1),
    Case(_RESTRICTED, "a Secret's good data", (_text(_encoded(GOOD), "Secret"),)),
]
CUSTOM = [
    Case(
        _RESTRICTED, "a container by itself", (_custom(template={"container": {"procMount": "Unmasked"}}),), 1
    ),
    Case(_RESTRICTED, "root", (_custom(driver={"securityContext": {"runAsUser": 0}}),), 1),
    Case(_RESTRICTED, "a capability", (_custom(sidecars=[{"capabilities": {"add": ["SYS_ADMIN"]}}]),), 1),
    Case(_RESTRICTED, "a network's volume", (_custom(volumes=[{"name": "a", "nfs": {"path": "/"}}]),), 1),
    Case(_RESTRICTED, "no seccomp", (_custom(driver={"seccompProfile": {"type": "Unconfined"}}),), 1),
    Case(
        _RESTRICTED,
        "a driver",
        (_custom(driver={"securityContext": {"runAsUser": 1000, "runAsNonRoot": True, **_SECURE}}),),
    ),
    Case(
        _RESTRICTED,
        "a pod without seccomp, its container with",
        (
            pod(
                {"securityContext": {**_SECURE, **_CONTEXT}},
                securityContext={"seccompProfile": {"type": "Unconfined"}},
            ),
        ),
        1,
    ),
    Case(
        _RESTRICTED,
        "a pod that may run as root, its container not",
        (pod({"securityContext": {**_SECURE, **_CONTEXT}}, securityContext={"runAsNonRoot": False}),),
        1,
    ),
    Case(_RESTRICTED, "a pod of Windows", (pod({"securityContext": {}}, **_WINDOWS),)),
    Case(
        _RESTRICTED,
        "one of Windows as its host",
        (pod({"securityContext": {}}, **_WINDOWS, hostNetwork=True),),
        1,
    ),
]
SHAPES = [
    *(Case(_RESTRICTED, f"{what}, privileged", (each,), 1) for what, each in _shapes(BAD).items()),
    *(Case(_RESTRICTED, what, (each,)) for what, each in _shapes(GOOD).items()),
    Case(
        _RESTRICTED,
        "what a controller makes",
        (resource("kubernetes:a.b/v1:C", {"spec": {"hostNetwork": True}}),),
        1,
    ),
    Case(
        _RESTRICTED,
        "containers by their name",
        (resource("kubernetes:a.b/v1:C", {"spec": {"containers": {"main": {"privileged": True}}}}),),
        1,
    ),
    Case(_REQUESTS, "a patch", (_shapes(GOOD)["a patch"],)),
    Case(_REQUESTS, "a job by the clock", (_shapes(GOOD)["a job by the clock"],), 1),
    Case(_RESTRICTED, "the node's processes", (pod(hostPID=True, hostIPC=True),), 2),
    Case(_RESTRICTED, "a container for debugging", (pod(ephemeralContainers=[{"name": "debug"}]),), 2),
    _pod_with(sysctls=[{"name": "kernel.msgmax", "value": "1"}]),
    _pod_with(runAsUser=0),
    _pod_with(seLinuxOptions={"type": "spc_t"}),
    _pod_with(seLinuxOptions={"user": "root"}),
    _pod_with(windowsOptions={"hostProcess": True}),
    _pod_with(appArmorProfile={"type": "Unconfined"}),
    _security(procMount="Unmasked"),
    _security(runAsUser="0"),
    Case(_RESTRICTED, "a probe of another", (pod({"livenessProbe": {"httpGet": {"host": "192.0.2.1"}}}),), 1),
    Case(
        _RESTRICTED,
        "a safe sysctl",
        (pod(securityContext={**_CONTEXT, "sysctls": [{"name": "net.ipv4.tcp_syncookies"}]}),),
    ),
]
CASES = [
    Case(_REQUESTS, "none", (pod({"resources": {}}),), 1),
    Case(_REQUESTS, "requests only", (pod({"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}),), 1),
    Case(_REQUESTS, "an init container without", (pod(initContainers=[{"name": "init"}]),), 1),
    Case(_REQUESTS, "all", (pod(),)),
    Case(_REQUESTS, "not known yet", (pod({"resources": UNKNOWN}),)),
    Case(_REQUESTS, "no workload", (resource("kubernetes:core/v1:ConfigMap"),)),
    Case(_RESTRICTED, "restricted", (pod(),)),
    Case(_RESTRICTED, "no context", (pod({"securityContext": {}}),), 2),
    Case(_RESTRICTED, "may run as root", (pod(securityContext={}),), 2),
    Case(_RESTRICTED, "the node's network", (pod(hostNetwork=True),), 1),
    Case(_PATH, "the node's files", (pod(volumes=[{"name": "a", "hostPath": {"path": "/"}}]),), 1),
    Case(_PATH, "a volume", (resource(_VOLUME, {"spec": {"hostPath": {"path": "/var"}}}),), 1),
    Case(_PATH, "a claim", (pod(volumes=[{"name": "a", "persistentVolumeClaim": {"claimName": "b"}}]),)),
    Case(_RESTRICTED, "a volume of the network", (pod(volumes=[{"name": "a", "nfs": {"path": "/"}}]),), 1),
    Case(_NAMESPACES, "privileged", (_namespace("Namespace", "privileged"),), 1),
    Case(_NAMESPACES, "without a level", (resource("kubernetes:core/v1:Namespace"),), 1),
    Case(_NAMESPACES, "a patch", (_namespace("NamespacePatch", "privileged"),), 1),
    Case(_NAMESPACES, "a patch of something else", (resource("kubernetes:core/v1:NamespacePatch"),)),
    Case(_NAMESPACES, "restricted", (_namespace("Namespace", "restricted"),)),
    *SHAPES,
    *IN_TEXTS,
    *CUSTOM,
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
