"""Objects are created, changed and deleted on a real API server with its controllers, without an engine."""

import re
from typing import Any

import pytest

from providers.local.plugin.properties import UNKNOWN
from tests.standin.cluster import Cluster, Manifest, Reference, reference_of
from tests.standin.conftest import Listener, manifest
from tests.standin.errors import RefusedError, UnreadyError
from tests.standin.objects import Objects
from tests.testbed.control_plane import ControlPlane

URN = "urn:pulumi:dev::standin::kubernetes:core/v1:ConfigMap::settings"


def config_map(namespace: str, **data: str) -> Manifest:
    return manifest("v1", "ConfigMap", "settings", namespace, data=data)


def deployment(namespace: str, replicas: int = 1, app: str = "app", **spec: Any) -> Manifest:
    pod = {"containers": [{"name": "app", "image": "registry.invalid/app:1", **spec}]}
    return manifest(
        "apps/v1",
        "Deployment",
        "app",
        namespace,
        annotations={"pulumi.com/skipAwait": "true"},
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": {"metadata": {"labels": {"app": app}}, "spec": pod},
        },
    )


def test_preview_shows_the_servers_defaults_and_stores_nothing(
    objects: Objects, cluster: Cluster, namespace: str
) -> None:
    preview = objects.preview_creation(URN, deployment(namespace))

    assert preview is not None
    assert preview["spec"]["strategy"]["type"] == "RollingUpdate"
    assert "status" not in preview
    assert cluster.get(reference_of(preview)) is None


@pytest.mark.parametrize("inputs", [config_map("missing", a="1"), config_map("default", a=UNKNOWN)])
def test_preview_falls_back_to_the_inputs_where_the_server_cannot_say(
    objects: Objects, inputs: Manifest
) -> None:
    assert objects.preview_creation(URN, inputs) is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"replicas": -1}, "spec.replicas: Invalid value: -1"),
        ({"imagePolicy": "Never"}, "imagePolicy: field not declared in schema"),
    ],
)
def test_preview_says_what_the_server_refuses(
    objects: Objects, namespace: str, content: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RefusedError, match=re.escape(problem)):
        objects.preview_creation(URN, deployment(namespace, **content))


def test_preview_passes_on_the_servers_warnings(
    objects: Objects, engine: Listener, cluster: Cluster, namespace: str
) -> None:
    labels = {"pod-security.kubernetes.io/warn": "restricted"}
    labelled = manifest("v1", "Namespace", namespace, "", labels=labels)
    cluster.apply(labelled, "security", force=True, dry_run=False)

    objects.preview_creation(URN, deployment(namespace))

    (warning,) = engine.warnings
    assert warning.startswith('would violate PodSecurity "restricted:latest": allowPrivilegeEscalation')


def test_preview_without_permission_falls_back_with_a_warning(
    control_plane: ControlPlane, engine: Listener, namespace: str
) -> None:
    nobody = Objects(Cluster(str(control_plane.client("nobody"))), engine)

    assert nobody.preview_creation(URN, config_map(namespace)) is None

    assert ['User "nobody" cannot patch resource' in warning for warning in engine.warnings] == [True]


def test_replacement_under_the_same_name_can_be_previewed(objects: Objects, namespace: str) -> None:
    objects.create(URN, deployment(namespace), 0)

    preview = objects.preview_creation(URN, deployment(namespace, app="another"))

    assert preview is not None
    assert preview["metadata"]["name"] == "app"


def test_conflict_with_another_field_manager_is_an_error_at_preview_and_update(
    objects: Objects, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = objects.create(URN, config_map(namespace, a="1"), 0)
    cluster.apply(config_map(namespace, a="2"), "somebody", force=True, dry_run=False)
    wanted = config_map(namespace, a="3")

    with pytest.raises(RefusedError, match=r'conflict with "somebody": \.data\.a; .*PATCH_FORCE=true'):
        objects.preview_update(URN, state, wanted, [])
    with pytest.raises(RefusedError, match='conflict with "somebody"'):
        objects.update(URN, state, wanted, [], 0)

    monkeypatch.setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
    assert objects.update(URN, state, wanted, [], 0)["data"] == {"a": "3"}


def test_what_the_program_leaves_out_is_removed_and_what_others_set_stays(
    objects: Objects, cluster: Cluster, namespace: str
) -> None:
    state = objects.create(URN, config_map(namespace, a="1", b="1"), 0)
    cluster.apply(config_map(namespace, theirs="1"), "somebody", force=False, dry_run=False)

    live = objects.update(URN, state, config_map(namespace, a="2"), [], 0)

    assert live["data"] == {"a": "2", "theirs": "1"}


def test_ignored_property_keeps_the_others_value(objects: Objects, cluster: Cluster, namespace: str) -> None:
    state = objects.create(URN, deployment(namespace, replicas=1), 0)
    scaled = manifest("apps/v1", "Deployment", "app", namespace, spec={"replicas": 0})
    cluster.apply(scaled, "autoscaler", force=True, dry_run=False)

    live = objects.update(
        URN, state, deployment(namespace, image="registry.invalid/app:2"), ["spec.replicas"], 0
    )

    assert live["spec"]["replicas"] == 0


def test_update_of_a_lost_object_names_the_remedy(objects: Objects, namespace: str) -> None:
    state = objects.create(URN, config_map(namespace, a="1"), 0)
    objects.delete(URN, reference_of(state), state, 0)

    with pytest.raises(RefusedError, match="deleted by somebody else; `pulumi refresh`"):
        objects.update(URN, state, config_map(namespace, a="2"), [], 0)


def test_deletion_waits_for_finalizers(objects: Objects, cluster: Cluster, namespace: str) -> None:
    held = config_map(namespace)
    held["metadata"]["finalizers"] = ["tests.nebula/hold"]
    state = objects.create(URN, held, 0)
    reference = reference_of(state)

    with pytest.raises(UnreadyError, match=r"still exists after 1 s: it waits for .*tests\.nebula/hold"):
        objects.delete(URN, reference, state, 1)
    assert cluster.get(reference) is not None

    cluster.apply(config_map(namespace), state["__fieldManager"], force=True, dry_run=False)
    objects.delete(URN, reference, state, 0)
    assert cluster.get(reference) is None


def test_deletion_waits_for_what_belongs_to_the_object(
    objects: Objects, cluster: Cluster, namespace: str
) -> None:
    wanted = deployment(namespace)
    state = objects.create(URN, wanted, 0)
    del wanted["metadata"]["annotations"]

    objects.delete(URN, reference_of(state), wanted, 0)

    assert cluster.items("apps/v1", "ReplicaSet", namespace) == []
    assert cluster.items("v1", "Pod", namespace) == []


@pytest.mark.parametrize(
    "reference",
    [
        Reference("v1", "ConfigMap", "default", "missing"),
        Reference("v1", "ConfigMap", "missing", "missing"),
        Reference("example.org/v1", "Missing", "default", "missing"),
    ],
)
def test_deletion_and_reading_tolerate_what_is_gone(objects: Objects, reference: Reference) -> None:
    objects.delete(URN, reference, {}, 0)
    assert objects.read(reference, {}, {}) == (None, "")


def test_object_of_a_kind_that_is_defined_at_the_same_time_is_made(
    objects: Objects, cluster: Cluster, namespace: str
) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = manifest(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "routes.standin.example.org",
        "",
        spec={
            "group": "standin.example.org",
            "names": {"plural": "routes", "singular": "route", "kind": "Route", "listKind": "RouteList"},
            "scope": "Namespaced",
            "versions": [version],
        },
    )
    route = manifest("standin.example.org/v1", "Route", "a", namespace, spec={"to": "b"})
    assert objects.preview_creation(URN, route) is None
    state = objects.create(URN, definition, 0)

    live = objects.create(URN, route, 0)

    assert live["spec"] == {"to": "b"}
    objects.delete(URN, reference_of(state), state, 0)
    assert cluster.get(reference_of(route)) is None
