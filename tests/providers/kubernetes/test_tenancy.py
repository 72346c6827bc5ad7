"""A namespace of others is told from the stack's own, by a real API server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from providers.kubernetes.naming import INSTANCE
from providers.kubernetes.status import ClusterError, Site, UnreachableError
from providers.kubernetes.tenancy import Tenancy, strangers, tenancy
from providers.local.paths import cache_directory
from tests.testbed.binaries import API_PROGRAMS, missing
from tests.testbed.certificates import CertificateAuthority
from tests.testbed.control_plane import ControlPlane, free_port
from tests.testbed.kubeconfig import write

_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
_POD = {"containers": [{"name": "x", "image": "x"}]}
_REPLICATED = {
    "selector": {"matchLabels": {"app": "x"}},
    "template": {"metadata": {"labels": {"app": "x"}}, "spec": _POD},
}


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    if absent := missing(API_PROGRAMS, cache_directory()):
        pytest.skip(f"not built: {absent}; run: python -m tests.testbed build --api-only")
    with ControlPlane(tmp_path_factory.mktemp("kubernetes")) as control_plane:
        yield control_plane


@pytest.fixture(scope="module")
def kubeconfig(control_plane: ControlPlane) -> Path:
    return control_plane.kubeconfig


@pytest.fixture
def api(kubeconfig: Path) -> Iterator[Any]:
    with config.new_client_from_config(str(kubeconfig)) as made:
        yield client.CoreV1Api(made)


def site(kubeconfig: Path, namespace: str, stack: str = "lab") -> Site:
    return Site(stack, namespace, None, str(kubeconfig))


def namespace(api: Any, name: str, **labels: str) -> None:
    api.create_namespace({"metadata": {"name": name, "labels": labels}})
    # The controller manager would make it; pods ask for it.
    api.create_namespaced_service_account(name, {"metadata": {"name": "default"}})


def test_an_absent_namespace_is_free(kubeconfig: Path) -> None:
    assert tenancy(site(kubeconfig, "nowhere")) is Tenancy.FREE


def test_a_namespace_is_told_by_the_stack_that_its_label_names(kubeconfig: Path, api: Any) -> None:
    namespace(api, "plain")
    namespace(api, "labelled", **{INSTANCE: "lab"})
    assert tenancy(site(kubeconfig, "plain")) is Tenancy.FOREIGN
    assert tenancy(site(kubeconfig, "labelled")) is Tenancy.LABELLED
    assert tenancy(site(kubeconfig, "labelled", "prod")) is Tenancy.FOREIGN


def test_what_others_run_or_keep_in_the_namespace_is_named(kubeconfig: Path, api: Any) -> None:
    namespace(api, "shared", **{INSTANCE: "lab"})
    own = {"labels": {INSTANCE: "lab"}}
    driver = api.create_namespaced_pod("shared", {"metadata": {"name": "driver", **own}, "spec": _POD})
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "driver", "uid": driver.metadata.uid}
    executor = {"name": "executor", "ownerReferences": [reference]}
    api.create_namespaced_pod("shared", {"metadata": executor, "spec": _POD})
    claims = api.create_namespaced_persistent_volume_claim
    claims("shared", {"metadata": {"name": "ours", **own}, "spec": _CLAIM})
    assert strangers(site(kubeconfig, "shared")) == []
    claims("shared", {"metadata": {"name": "theirs"}, "spec": _CLAIM})
    api.create_namespaced_pod("shared", {"metadata": {"name": "their-tool"}, "spec": _POD})
    assert strangers(site(kubeconfig, "shared")) == ["PersistentVolumeClaim/theirs", "Pod/their-tool"]


def test_what_belongs_to_the_stack_s_own_at_any_remove_is_its_own(kubeconfig: Path, api: Any) -> None:
    namespace(api, "nested", **{INSTANCE: "lab"})
    with config.new_client_from_config(str(kubeconfig)) as made:
        apps: Any = client.AppsV1Api(made)
        deployment = apps.create_namespaced_deployment(
            "nested", {"metadata": {"name": "ours", "labels": {INSTANCE: "lab"}}, "spec": _REPLICATED}
        )
        replicas = apps.create_namespaced_replica_set(
            "nested", {"metadata": owned("ours-1", "apps/v1", "Deployment", deployment), "spec": _REPLICATED}
        )
    metadata = owned("ours-1-a", "apps/v1", "ReplicaSet", replicas)
    api.create_namespaced_pod("nested", {"metadata": metadata, "spec": _POD})
    assert strangers(site(kubeconfig, "nested")) == []


def test_what_belongs_to_others_is_named_though_it_has_an_owner(kubeconfig: Path, api: Any) -> None:
    """A ReplicaSet that somebody made, and what an operator makes for its custom resource."""
    namespace(api, "operated", **{INSTANCE: "lab"})
    with config.new_client_from_config(str(kubeconfig)) as made:
        apps: Any = client.AppsV1Api(made)
        bare = {"metadata": {"name": "bare"}, "spec": _REPLICATED}
        replicas = apps.create_namespaced_replica_set("operated", bare)
    # A custom resource is not listed; any object that is not stands for it.
    custom = api.create_namespaced_config_map("operated", {"metadata": {"name": "their-database"}})
    metadata = owned("bare-a", "apps/v1", "ReplicaSet", replicas)
    api.create_namespaced_pod("operated", {"metadata": metadata, "spec": _POD})
    theirs = owned("their-database", "v1", "ConfigMap", custom)
    api.create_namespaced_pod("operated", {"metadata": theirs, "spec": _POD})
    api.create_namespaced_persistent_volume_claim("operated", {"metadata": theirs, "spec": _CLAIM})
    assert sorted(strangers(site(kubeconfig, "operated"))) == [
        "PersistentVolumeClaim/their-database",
        "Pod/bare-a",
        "Pod/their-database",
        "ReplicaSet/bare",
    ]


def owned(name: str, version: str, kind: str, owner: Any) -> dict[str, Any]:
    reference = {
        "apiVersion": version,
        "kind": kind,
        "name": owner.metadata.name,
        "uid": owner.metadata.uid,
    }
    return {"name": name, "ownerReferences": [reference]}


def test_a_cluster_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ClusterError):
        tenancy(site(tmp_path / "no-kubeconfig", "any"))


def test_a_refused_list_is_no_empty_one_and_no_silence(
    control_plane: ControlPlane, kubeconfig: Path, api: Any
) -> None:
    namespace(api, "hidden", **{INSTANCE: "lab"})
    may_not_list_pods = {
        "metadata": {"name": "some"},
        "rules": [
            {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["list"]},
            {"apiGroups": ["apps", "batch"], "resources": ["*"], "verbs": ["list"]},
        ],
    }
    binding = {
        "metadata": {"name": "some"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"},
        "subjects": [{"kind": "User", "name": "somebody", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    with config.new_client_from_config(str(kubeconfig)) as made:
        roles: Any = client.RbacAuthorizationV1Api(made)
        roles.create_namespaced_role("hidden", may_not_list_pods)
        roles.create_namespaced_role_binding("hidden", binding)
    with pytest.raises(ClusterError, match="403") as raised:
        strangers(site(control_plane.client("somebody"), "hidden"))
    assert not isinstance(raised.value, UnreachableError)


def test_what_fails_in_a_connection_does_not_count_as_out_of_reach(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    """Our client refuses the server's certificate; another may take it."""
    other = CertificateAuthority(tmp_path / "other", "other")
    path = write(tmp_path / "config", control_plane.url, other.certificate, other.issue("kubernetes-admin"))
    with pytest.raises(ClusterError) as raised:
        strangers(site(path, "any"))
    assert not isinstance(raised.value, UnreachableError)


def test_a_cluster_without_a_connection_is_out_of_reach(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path / "any", "any")
    nobody = f"https://127.0.0.1:{free_port('127.0.0.1')}"
    path = write(tmp_path / "config", nobody, authority.certificate, authority.issue("kubernetes-admin"))
    with pytest.raises(UnreachableError):
        strangers(site(path, "any"))
