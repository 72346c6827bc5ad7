"""A real API server validates and authorises requests without a single node."""

import contextlib
import stat
from pathlib import Path
from typing import Any

import pytest

from providers.local.paths import cache_directory
from tests.testbed.binaries import PROGRAMS, missing
from tests.testbed.client import Client
from tests.testbed.control_plane import ControlPlane
from tests.testbed.errors import NotBuiltError

_POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "plain"},
    "spec": {"containers": [{"name": "main", "image": "registry.nebula.test/any:1"}]},
}


def _namespace(api: Client, name: str, **labels: str) -> str:
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    assert api.apply(f"/api/v1/namespaces/{name}", manifest).ok
    return f"/api/v1/namespaces/{name}"


def test_it_is_the_release_that_it_says(api: Client) -> None:
    assert api.get("/version")["gitVersion"] == "v1.35.0"


def test_a_dry_run_is_checked_and_not_stored(api: Client) -> None:
    place = _namespace(api, "dry")
    assert api.apply(f"{place}/pods/plain", _POD, dry_run=True).status_code == 201
    assert api.get(f"{place}/pods")["items"] == []


def test_a_field_that_does_not_exist_is_refused(api: Client) -> None:
    place = _namespace(api, "strict")
    misspelt = _POD | {"spec": {**_POD["spec"], "restartpolicy": "Never"}}
    refused = api.apply(f"{place}/pods/plain", misspelt, dry_run=True)
    assert refused.status_code in (400, 500), refused.text
    assert "restartpolicy" in refused.text


def test_pod_security_refuses_what_its_namespace_does_not_allow(api: Client) -> None:
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    place = _namespace(api, "restricted", **label)
    refused = api.apply(f"{place}/pods/plain", _POD, dry_run=True)
    assert refused.status_code == 403
    assert "violates PodSecurity" in refused.json()["message"]


def test_a_user_may_do_only_what_a_role_allows(control_plane: ControlPlane) -> None:
    with contextlib.closing(Client(control_plane.client("somebody"))) as somebody:
        refused = somebody.apply("/api/v1/namespaces/own", {"apiVersion": "v1", "kind": "Namespace"})
    assert refused.status_code == 403


def test_keys_are_readable_by_their_owner_only(control_plane: ControlPlane) -> None:
    kept = [*control_plane.directory.rglob("*.key"), *control_plane.directory.rglob("*kubeconfig")]
    assert kept
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_two_stand_side_by_side_and_stopping_one_leaves_nothing_of_it(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    second = ControlPlane(tmp_path / "second")
    with second:
        assert second.url != control_plane.url
        assert second.ready()
    assert second.daemons.running() == set()
    assert not second.directory.exists()
    assert control_plane.ready()


def test_controllers_act_on_what_is_stored_and_collect_what_is_deleted(tmp_path: Path) -> None:
    if missing(PROGRAMS, cache_directory()):
        pytest.skip("the controllers are not built: python -m tests.testbed build")
    template = {"metadata": {"labels": {"app": "some"}}, "spec": _POD["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "some"}}, "template": template}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "some"}, "spec": spec}
    place, pods = "/apis/apps/v1/namespaces/default/deployments/some", "/api/v1/namespaces/default/pods"
    with (
        ControlPlane(tmp_path / "kubernetes", controllers=True) as control_plane,
        contextlib.closing(Client(control_plane.kubeconfig)) as api,
    ):
        assert api.apply(place, manifest).ok
        assert next(kind for kind, _ in api.watch(pods)) == "ADDED"
        assert api.delete(place).ok
        assert "DELETED" in (kind for kind, _ in api.watch(pods))


def test_what_is_not_built_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match=r"kube-apiserver .*testbed build --api-only"):
        ControlPlane(tmp_path / "none", cache=tmp_path / "empty").start()
