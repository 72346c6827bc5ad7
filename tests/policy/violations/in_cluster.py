"""What violates a rule in a cluster of Kubernetes."""

import json
from typing import Any

import pulumi
import pulumi_kubernetes

from tests.policy.violations import Violations

kubernetes: Any = pulumi_kubernetes
"""Untyped: mypy follows what the program uses of an SDK, and these are the other types."""
core, apps, batch, rbac = (
    kubernetes.core.v1,
    kubernetes.apps.v1,
    kubernetes.batch.v1,
    kubernetes.rbac.v1,
)
Options = pulumi.ResourceOptions
_IMAGE = "registry.example/a:1"


def _spec(**security: Any) -> Any:
    context = core.SecurityContextArgs(**security)
    return core.PodSpecArgs(containers=[core.ContainerArgs(name="a", image=_IMAGE, security_context=context)])


def _template(**security: Any) -> Any:
    return core.PodTemplateSpecArgs(spec=_spec(**security))


def _env(name: str, value: pulumi.Input[str]) -> Any:
    variable = core.EnvVarArgs(name=name, value=value)
    return core.PodSpecArgs(containers=[core.ContainerArgs(name="a", image=_IMAGE, env=[variable])])


def _service(name: str, opts: Options, kind: str, **annotations: str) -> Any:
    return core.Service(
        name, metadata={"annotations": annotations}, spec=core.ServiceSpecArgs(type=kind), opts=opts
    )


def _custom(name: str, opts: Options, version: str, kind: str, spec: Any) -> object:
    return kubernetes.apiextensions.CustomResource(name, api_version=version, kind=kind, spec=spec, opts=opts)


def _rollout(name: str, opts: Options) -> object:
    container = {"name": "a", "securityContext": {"privileged": True}}
    spec = {"template": {"spec": {"containers": [container]}}}
    return _custom(name, opts, "argoproj.io/v1alpha1", "Rollout", spec)


def _unknown_pods(name: str, opts: Options) -> None:
    before = core.ConfigMap(f"{name}-before", opts=opts)
    spec = before.metadata.uid.apply(lambda uid: {"containers": [{"name": uid, "image": _IMAGE}]})
    core.Pod(name, spec=spec, opts=opts)


def _list(name: str, opts: Options) -> object:
    item = apps.DeploymentArgs(
        metadata={"name": "a"},
        spec=apps.DeploymentSpecArgs(
            selector={"match_labels": {"a": "b"}}, template=_template(privileged=True)
        ),
    )
    return apps.DeploymentList(name, items=[item], opts=opts)


IN_CLUSTER: Violations = {
    "restricted-pods": [
        lambda n, o: core.Pod(n, spec=_spec(privileged=True), opts=o),
        lambda n, o: core.Pod(n, spec=core.PodSpecArgs(host_network=True, containers=[]), opts=o),
        lambda n, o: batch.CronJob(
            n,
            spec=batch.CronJobSpecArgs(
                schedule="* * * * *",
                job_template=batch.JobTemplateSpecArgs(
                    spec=batch.JobSpecArgs(template=_template(run_as_user=0))
                ),
            ),
            opts=o,
        ),
        lambda n, o: batch.Job(n, spec=batch.JobSpecArgs(template=_template(proc_mount="Unmasked")), opts=o),
        lambda n, o: apps.ReplicaSet(
            n,
            spec=apps.ReplicaSetSpecArgs(
                selector={"match_labels": {"a": "b"}}, template=_template(allow_privilege_escalation=True)
            ),
            opts=o,
        ),
        lambda n, o: core.ReplicationController(
            n, spec=core.ReplicationControllerSpecArgs(template=_template(privileged=True)), opts=o
        ),
        lambda n, o: apps.DeploymentPatch(
            n,
            metadata={"name": "a"},
            spec={
                "template": {"spec": {"containers": [{"name": "a", "securityContext": {"privileged": True}}]}}
            },
            opts=o,
        ),
        _rollout,
        _list,
        lambda n, o: core.ConfigMap(
            n,
            data={"pod.json": json.dumps({"spec": {"hostPID": True, "containers": [{"name": "a"}]}})},
            opts=o,
        ),
    ],
    "requests-and-limits": [lambda n, o: core.Pod(n, spec=_spec(), opts=o)],
    "images-pinned": [
        lambda n, o: core.Pod(n, spec={"containers": [{"name": "a", "image": "trinodb/trino"}]}, opts=o)
    ],
    "no-dead-image-source": [
        lambda n, o: core.Pod(
            n, spec={"containers": [{"name": "a", "image": "bitnamilegacy/kafka:4"}]}, opts=o
        )
    ],
    "no-host-path": [
        lambda n, o: core.Pod(
            n,
            spec={"containers": [], "volumes": [{"name": "a", "hostPath": {"path": "/"}}]},
            opts=o,
        ),
        lambda n, o: core.PersistentVolume(
            n, spec=core.PersistentVolumeSpecArgs(host_path=core.HostPathVolumeSourceArgs(path="/")), opts=o
        ),
    ],
    "restricted-namespaces": [
        lambda n, o: core.Namespace(
            n, metadata={"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}, opts=o
        ),
        lambda n, o: core.Namespace(n, opts=o),
    ],
    "no-wildcard-iam": [
        lambda n, o: rbac.ClusterRole(
            n, rules=[rbac.PolicyRuleArgs(api_groups=["*"], resources=["*"], verbs=["*"])], opts=o
        ),
        lambda n, o: rbac.ClusterRoleBinding(
            n,
            role_ref=rbac.RoleRefArgs(api_group="a", kind="ClusterRole", name="cluster-admin"),
            subjects=[rbac.SubjectArgs(kind="User", name="a")],
            opts=o,
        ),
    ],
    "no-public-grant": [
        lambda n, o: rbac.ClusterRoleBinding(
            n,
            role_ref=rbac.RoleRefArgs(api_group="a", kind="ClusterRole", name="view"),
            subjects=[rbac.SubjectArgs(kind="Group", name="system:unauthenticated")],
            opts=o,
        )
    ],
    "no-public-load-balancer": [
        lambda n, o: _service(n, o, "LoadBalancer"),
        # Google's word, in a stack on AWS.
        lambda n, o: _service(n, o, "LoadBalancer", **{"networking.gke.io/load-balancer-type": "Internal"}),
    ],
    "no-open-ingress": [
        lambda n, o: _service(n, o, "NodePort"),
        lambda n, o: kubernetes.networking.v1.Ingress(n, spec={"tls": [{"hosts": ["a"]}]}, opts=o),
        lambda n, o: _custom(n, o, "gateway.networking.k8s.io/v1", "Gateway", {"gatewayClassName": "a"}),
    ],
    "tls-in-transit": [lambda n, o: kubernetes.networking.v1.Ingress(n, spec={"rules": []}, opts=o)],
    "encryption-at-rest": [
        lambda n, o: kubernetes.storage.v1.StorageClass(n, provisioner="ebs.csi.aws.com", opts=o)
    ],
    "no-secret-in-clear": [
        lambda n, o: core.Pod(n, spec=_env("DB_PASSWORD", "hunter2"), opts=o),
        lambda n, o: core.Pod(n, spec=_env("A", pulumi.Output.secret("word")), opts=o),
        lambda n, o: core.Pod(n, spec=_env("URL", "postgresql://a:hunter2" + "@db.example/a"), opts=o),
        lambda n, o: core.Pod(
            n, spec={"containers": [{"name": "a", "image": _IMAGE, "args": ["--password=hunter2"]}]}, opts=o
        ),
        lambda n, o: core.ConfigMap(n, data={"app.properties": "a=b\nconnection-password=hunter2\n"}, opts=o),
        lambda n, o: core.ConfigMap(n, data={"a": pulumi.Output.secret("word")}, opts=o),
        lambda n, o: core.ConfigMap(n, metadata={"annotations": {"a.example/token": "abc"}}, opts=o),
    ],
    "no-static-cloud-keys": [lambda n, o: core.Pod(n, spec=_env("AWS_SECRET_ACCESS_KEY", "a"), opts=o)],
    "no-unseen-resources": [lambda n, o: kubernetes.helm.v3.Release(n, chart="a", opts=o)],
    "judgeable": [_unknown_pods],
}
