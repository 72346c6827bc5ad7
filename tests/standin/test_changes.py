"""Changes of objects are classified, without a server."""

import re

import pytest
import yaml
from pulumi.runtime.proto import provider_pb2

from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.properties import UNKNOWN, to_struct
from tests.standin import changes
from tests.standin.cluster import Cluster
from tests.standin.errors import UnreachableError
from tests.standin.kubernetes_provider import KubernetesProvider, kind_of
from tests.standin.random_provider import password

CLAIM: changes.Properties = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": "lake"},
    "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}},
}


def test_differences_are_told_per_property() -> None:
    old = {"a": {"b": 1, "gone": 1}, "list": [{"x": 1}, {"x": 2}], "x.y/z": 1}
    new = {"a": {"b": 2}, "list": [{"x": 1}, {"x": 3}, {"x": 4}], "x.y/z": 2}

    found = {changes.text(path): kind for path, kind in changes.differences(old, new)}

    assert found == {
        "a.b": "UPDATE",
        "a.gone": "DELETE",
        "list[1].x": "UPDATE",
        "list[2]": "ADD",
        '["x.y/z"]': "UPDATE",
    }


@pytest.mark.parametrize(
    ("changed", "replaces"),
    [
        ({"spec": {**CLAIM["spec"], "resources": {"requests": {"storage": "2Gi"}}}}, []),
        ({"spec": {**CLAIM["spec"], "storageClassName": "slow"}}, ["spec.storageClassName"]),
        ({"metadata": {"name": "other", "namespace": "lake"}}, ["metadata.name"]),
        ({"metadata": {"name": "data", "namespace": "lake", "labels": {"a": "b"}}}, []),
    ],
)
def test_a_claim_is_replaced_only_for_what_cannot_change(
    changed: changes.Properties, replaces: list[str]
) -> None:
    response = changes.diff_response(CLAIM, {**CLAIM, **changed}, CLAIM, mutable_content=False)

    assert list(response.replaces) == replaces
    assert response.changes == response.DIFF_SOME
    assert response.deleteBeforeReplace == (replaces == ["spec.storageClassName"])


@pytest.mark.parametrize(
    ("mutable", "immutable", "replaces"), [(True, False, 0), (True, True, 1), (False, False, 1)]
)
def test_content_of_a_config_map_replaces_it_unless_configured_otherwise(
    mutable: bool, immutable: bool, replaces: int
) -> None:
    old = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"k": "1"},
        "immutable": immutable,
    }

    response = changes.diff_response(old, {**old, "data": {"k": "2"}}, old, mutable_content=mutable)

    assert len(response.replaces) == replaces


def test_autonamed_object_is_created_before_its_former_is_deleted() -> None:
    metadata = {"name": "data-1234", "namespace": "lake", "annotations": {changes.AUTONAMED: "true"}}
    old = {**CLAIM, "metadata": metadata}

    response = changes.diff_response(
        old, {**old, "spec": {"storageClassName": "slow"}}, old, mutable_content=False
    )

    assert response.replaces
    assert not response.deleteBeforeReplace


def test_refresh_keeps_the_programs_writing_and_takes_over_edits() -> None:
    inputs = {"cpu": "0.5", "replicas": 1, "gone": "x", "stringData": {"a": "b"}, "list": [{"n": 1}]}
    before = {"cpu": "500m", "replicas": 1, "gone": "x", "list": [{"n": 1, "default": True}], "status": 1}
    now = {"cpu": "500m", "replicas": 2, "list": [{"n": 2, "default": True}], "status": 2}

    assert changes.refreshed(inputs, before, now) == {
        "cpu": "0.5",
        "replicas": 2,
        "stringData": {"a": "b"},
        "list": [{"n": 2}],
    }


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("kubernetes:core/v1:Service", ("v1", "Service")),
        ("kubernetes:apps/v1:StatefulSet", ("apps/v1", "StatefulSet")),
        (
            "nebula:components:Trino$kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
            ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ),
    ],
)
def test_kind_follows_from_the_type_token(token: str, expected: tuple[str, str]) -> None:
    assert kind_of(f"urn:pulumi:dev::nebula::{token}::name", {}) == expected


def kubeconfig(server: str, token: str, context: str = "here") -> str:
    return yaml.safe_dump(
        {
            "current-context": context,
            "contexts": [{"name": "here", "context": {"cluster": "a", "user": "me"}}],
            "clusters": [{"name": "a", "cluster": {"server": server}}],
            "users": [{"name": "me", "user": {"token": token}}],
        }
    )


@pytest.mark.parametrize(
    ("new", "replaces"),
    [
        (kubeconfig("https://a", token="renewed"), []),
        (kubeconfig("https://b", token="t"), ["kubeconfig"]),
        (UNKNOWN, ["kubeconfig"]),
    ],
)
def test_everything_is_replaced_for_another_cluster_and_nothing_for_another_token(
    new: str, replaces: list[str]
) -> None:
    olds, news = ({"kubeconfig": value} for value in (kubeconfig("https://a", token="t"), new))
    request = provider_pb2.DiffRequest(olds=to_struct(olds), news=to_struct(news))

    response = KubernetesProvider(EngineClient()).DiffConfig(request, None)

    assert list(response.diffs) == ["kubeconfig"]
    assert list(response.replaces) == replaces


def test_silent_cluster_is_named_with_a_remedy() -> None:
    cluster = Cluster(kubeconfig("https://127.0.0.1:1", token="t"))

    with pytest.raises(UnreachableError, match=r"https://127\.0\.0\.1:1 does not answer .*; start it, or"):
        cluster.kind("v1", "ConfigMap")


@pytest.mark.parametrize("broken", ["a: [", "clusters: []", "/nowhere"])
def test_useless_kubeconfig_is_an_error_with_a_remedy(broken: str) -> None:
    with pytest.raises(UnreachableError, match="kubeconfig"):
        Cluster(broken)


def test_password_has_the_length_and_characters_that_were_asked_for() -> None:
    assert re.fullmatch("[A-Za-z0-9]{24}", password({"length": 24, "special": False}))
    assert re.fullmatch("[0-9]{8}", password({"length": 8, "special": False, "upper": False, "lower": False}))
    digits = sum(letter.isdigit() for letter in password({"length": 12, "minNumeric": 10}))
    assert digits >= 10
    assert set(password({"length": 40, "overrideSpecial": "_", "minSpecial": 1})) & {"_"}
