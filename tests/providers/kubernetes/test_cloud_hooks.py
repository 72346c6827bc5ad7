"""What a cloud adds to a cluster: roles for service accounts, and a store for secret content. Both are
stand-ins here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random
import pytest
from pulumi_kubernetes import batch, core
from urllib3.exceptions import MaxRetryError

from components.base import (
    Endpoint,
    Link,
    Readiness,
    Resources,
    Task,
    Tcp,
    Volume,
    Workload,
    WorkloadIdentity,
)
from components.software import NATS, PROVISIONER
from providers.kubernetes.identity import Binding, Identities
from providers.kubernetes.namespace import Namespace, NamespaceArgs
from providers.kubernetes.results import TerminationMessages
from providers.kubernetes.secret_store import VOLUME, Kept, SecretContent, SecretStore
from tests.infra.kubernetes_stack import objects
from tests.mocked_program import Kubernetes, Registration, Run, run_program

_AGENT = ("169.254.170.23/32", 80)


class _Roles:
    """Binds by a resource of another provider, as a cloud does."""

    def __init__(self) -> None:
        self.provider = random.Provider("cloud")

    def bind(
        self,
        service_account: str,
        namespace: str,
        identity: WorkloadIdentity,
        opts: pulumi.ResourceOptions,
    ) -> Binding:
        own = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=self.provider))
        bound = random.RandomPassword(f"{service_account}-role", length=8, opts=own)
        return Binding(annotations={"cloud/role": identity.role}, depends_on=(bound,), reaches=(_AGENT,))


@dataclass
class _Driver:
    """Hands files over by a CSI driver, and keeps what it was given."""

    kept: list[SecretContent]

    def keep(self, content: SecretContent, opts: pulumi.ResourceOptions) -> Kept:
        self.kept.append(content)
        source = core.v1.CSIVolumeSourceArgs(
            driver="secrets-store.csi.k8s.io",
            read_only=True,
            volume_attributes={"secretProviderClass": content.digest.apply(lambda d: f"c-{d}")},
        )
        return Kept(volume=core.v1.VolumeArgs(name=VOLUME, csi=source))


class _NoResults(TerminationMessages):
    def of(self, job: batch.v1.Job) -> pulumi.Output[dict[str, Any]]:
        return pulumi.Output.from_input({})


def _store(role: pulumi.Input[str], component: str = "object_store") -> Endpoint:
    return Endpoint(component=component, auth=WorkloadIdentity(role))


def _workload(links: Sequence[Link], **given: Any) -> Workload:
    return Workload(
        name="my_server",
        software=NATS,
        command=("nats-server",),
        resources=Resources(1, 128),
        ports={"client": 4222},
        readiness=Readiness(Tcp("client")),
        links=tuple(links),
        **given,
    )


def _run(
    *programs: Workload | Task,
    roles: bool = True,
    secrets: SecretStore | None = None,
    results: TerminationMessages | None = None,
    preview: bool = False,
) -> Run:
    def program() -> None:
        namespace = Namespace(kubernetes.Provider("cluster"), NamespaceArgs(stack="lab", name="nebula-lab"))
        identities: Identities | None = _Roles() if roles else None
        cluster = namespace.cluster(results or _NoResults(), (), identities=identities, secrets=secrets)
        for each in programs:
            parent = pulumi.ComponentResource("nebula:components:Test", f"parent-{each.name}")
            if isinstance(each, Task):
                pulumi.export("result", cluster.run_task(each, parent).result)
            else:
                cluster.run(each, parent)

    return run_program(program, stack="lab", preview=preview, stand_in=Kubernetes)


def _deployment(registered: Run) -> tuple[Registration, dict[str, Any]]:
    found = objects(registered)["Deployment/my_server"]
    return found, found.inputs["spec"]["template"]["spec"]


def test_a_pod_starts_after_its_account_is_bound_to_its_role() -> None:
    registered = _run(_workload([Link(_store("a-role"))]))
    account = objects(registered)["ServiceAccount/my_server"]
    assert account.inputs["metadata"]["annotations"] == {"cloud/role": "a-role"}
    (bound,) = registered.of_type("random:index/randomPassword:RandomPassword").values()
    deployment, pod = _deployment(registered)
    assert bound.urn in deployment.dependencies
    assert "::cloud::" in bound.provider
    assert pod["serviceAccountName"] == "my-server"


def test_a_role_opens_no_way_to_the_api_server_and_mounts_no_token() -> None:
    registered = _run(_workload([Link(_store("a-role"))]))
    assert _deployment(registered)[1]["automountServiceAccountToken"] is False
    assert objects(registered)["ServiceAccount/my_server"].inputs["automountServiceAccountToken"] is False


def test_a_pod_reaches_where_its_credential_comes_from_and_no_other_address() -> None:
    policy = objects(_run(_workload([Link(_store("a-role"))])))["NetworkPolicy/my-server-to-identity"]
    (rule,) = policy.inputs["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": _AGENT[0]}}]
    assert [port["port"] for port in rule["ports"]] == [_AGENT[1]]


def test_a_program_without_a_role_is_bound_to_none() -> None:
    registered = _run(_workload([Link(Endpoint(component="postgres"))]))
    assert not registered.of_type("random:index/randomPassword:RandomPassword")
    assert "NetworkPolicy/my-server-to-identity" not in objects(registered)


def test_the_same_role_of_two_targets_is_one() -> None:
    role = "a-role"
    registered = _run(_workload([Link(_store(role)), Link(_store(role, "queue"))]))
    assert len(registered.of_type("random:index/randomPassword:RandomPassword")) == 1


def test_two_roles_of_one_program_are_refused_by_the_names_of_their_targets() -> None:
    with pytest.raises(ValueError, match=r"my_server is to be one role to object_store and queue"):
        _run(_workload([Link(_store("a-role")), Link(_store("another", "queue"))]))


def test_a_role_on_a_cluster_of_no_cloud_is_refused() -> None:
    with pytest.raises(ValueError, match=r"my_server is to take on a role"):
        _run(_workload([Link(_store("a-role"))]), roles=False)


def test_a_task_is_bound_like_a_server() -> None:
    task = Task(
        name="my_task",
        software=PROVISIONER,
        command=("provisioner",),
        resources=Resources(1, 128),
        links=(Link(_store("a-role")),),
    )
    registered = _run(task)
    (bound,) = registered.of_type("random:index/randomPassword:RandomPassword").values()
    assert bound.urn in objects(registered)["Job/my_task"].dependencies


def test_a_store_of_secrets_hands_files_over_in_place_of_a_secret() -> None:
    driver = _Driver([])
    server = _workload([Link(_store("a-role"))], secret_files={"conf/key.pem": "pem"})
    registered = _run(server, secrets=driver)
    assert not [name for name in objects(registered) if name.startswith("Secret/")]
    (volume,) = [v for v in _deployment(registered)[1]["volumes"] if v["name"] == VOLUME]
    assert volume["csi"]["driver"] == "secrets-store.csi.k8s.io"
    (content,) = driver.kept
    assert content.service_account == "my-server"
    assert content.identity == WorkloadIdentity("a-role")
    assert [(file.key, file.path) for file in content.files] == [("conf__key.pem", "conf__key.pem")]
    mounts = {m["mountPath"]: m for m in _deployment(registered)[1]["containers"][0]["volumeMounts"]}
    assert mounts["/nebula/run/conf/key.pem"]["subPath"] == "conf__key.pem"


def test_other_content_is_another_name_and_rolls_the_pods() -> None:
    def name_of(text: str) -> str:
        server = _workload([], secret_files={"key": text})
        volumes = _deployment(_run(server, secrets=_Driver([])))[1]["volumes"]
        (volume,) = [v for v in volumes if v["name"] == VOLUME]
        name: str = volume["csi"]["volumeAttributes"]["secretProviderClass"]
        return name

    assert name_of("one") == name_of("one") != name_of("two")


def test_each_replica_has_its_own_secret_files() -> None:
    driver = _Driver([])
    server = _workload([], secret_files={"id": "{index}"}, volume=Volume(1), replicas=2)
    _run(server, secrets=driver)
    assert [(file.key, file.path) for file in driver.kept[0].files] == [
        ("0.id", "my-server-0/id"),
        ("1.id", "my-server-1/id"),
    ]


_UNANSWERED = """\
apiVersion: v1
kind: Config
current-context: made
contexts: [{name: made, context: {cluster: made, user: made}}]
clusters: [{name: made, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: made, user: {token: none}}]
"""


def test_a_preview_asks_no_cluster_for_results() -> None:
    """Where an update does ask, by the content of a kubeconfig."""
    task = Task(name="my_task", software=PROVISIONER, command=("provisioner",), resources=Resources(1, 128))
    results = TerminationMessages(_UNANSWERED)
    assert objects(_run(task, results=results, preview=True))["Job/my_task"]
    with pytest.raises(MaxRetryError, match=r"127\.0\.0\.1"):
        _run(task, results=results)
