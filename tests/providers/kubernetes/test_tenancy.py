"""A namespace of others is told from the stack's own, by a real API server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from providers.kubernetes.naming import INSTANCE
from providers.kubernetes.status import ClusterError, Site
from providers.kubernetes.tenancy import Tenancy, strangers, tenancy
from providers.local.paths import cache_directory
from tests.testbed.binaries import API_PROGRAMS, missing
from tests.testbed.control_plane import ControlPlane

_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
_POD = {"containers": [{"name": "x", "image": "x"}]}


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if absent := missing(API_PROGRAMS, cache_directory()):
        pytest.skip(f"not built: {absent}; run: python -m tests.testbed build --api-only")
    with ControlPlane(tmp_path_factory.mktemp("kubernetes")) as control_plane:
        yield control_plane.kubeconfig


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


def test_a_cluster_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ClusterError):
        tenancy(site(tmp_path / "no-kubeconfig", "any"))
