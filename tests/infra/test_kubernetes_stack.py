"""The whole lab stack against Pulumi's mocks: its URNs, its manifests, its edges, its secrets."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.declared import SIZES, WORKLOADS
from tests.infra.kubernetes_stack import manifests, objects, run
from tests.mocked_program import Run

_URNS = Path(__file__).with_name("lab_urns.txt")
_MANIFESTS = Path(__file__).with_name("lab_manifests.yaml")


class _Readable(yaml.SafeDumper):
    """Files in a manifest keep their lines."""


def _text_of(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text_of)


def _lab(changes: Mapping[str, object] | None = None) -> Run:
    """One word stands for the content of each image of ours: else a change of any app would be one of the
    snapshot, by the image's tag and by the names of Jobs, which follow from it."""
    return run(changes, content="content")


@pytest.fixture(scope="module")
def lab() -> Run:
    return _lab()


@pytest.fixture(scope="module")
def production() -> Run:
    return run({"size": "production"})


def _text(lab: Run) -> str:
    return yaml.dump_all(manifests(lab), Dumper=_Readable, sort_keys=True, width=110)


def test_urns_are_those_of_the_snapshot(lab: Run) -> None:
    """URNs are public API: a changed one replaces servers. Renew with `make snapshot` on purpose."""
    assert sorted(lab.resources) == _URNS.read_text().splitlines()


def test_manifests_are_those_of_the_snapshot(lab: Run) -> None:
    assert _text(lab) == _MANIFESTS.read_text()


def test_preview_registers_the_same_resources(lab: Run) -> None:
    assert set(run(preview=True).resources) == set(lab.resources)


def test_every_resource_carries_an_explicit_provider(production: Run) -> None:
    owned = [r for r in production.resources.values() if r.type.startswith(("kubernetes:", "random:"))]
    assert owned
    for resource in owned:
        assert "::kubernetes::" in resource.provider, resource.urn


def test_no_secret_stands_in_a_plain_input(lab: Run) -> None:
    minted = {f"secret-of-{name}" for name in lab.of_type("random:index/randomPassword:RandomPassword")}
    assert minted
    for resource in lab.resources.values():
        text = json.dumps(resource.plain_inputs, default=str)
        assert not [secret for secret in minted if secret in text], f"{resource.urn} shows a secret"


def _pods(registered: Run) -> dict[str, dict[str, Any]]:
    """The pod template of each workload and task, by `Kind/name`."""
    return {
        name: r.inputs["spec"]["template"]["spec"]
        for name, r in objects(registered).items()
        if name.startswith(("StatefulSet/", "Deployment/", "Job/"))
    }


@pytest.mark.parametrize("size", ["laptop", "small", "production"])
def test_every_container_passes_pod_security_restricted(size: str) -> None:
    for name, pod in _pods(run({"size": size})).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in (*pod["containers"], *(pod.get("initContainers") or ())):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert context["readOnlyRootFilesystem"] is True, name


def test_no_pod_mounts_a_token_but_what_spawns_others(lab: Run) -> None:
    for name, pod in _pods(lab).items():
        assert pod["automountServiceAccountToken"] is (name == "Job/flights-pipeline"), name


def test_every_container_says_what_it_requests_and_may_use(lab: Run) -> None:
    for name, pod in _pods(lab).items():
        for container in pod["containers"]:
            assert set(container["resources"]["limits"]) == {"cpu", "memory"}, name
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}, name


def test_every_image_comes_from_the_mirror(lab: Run) -> None:
    for pod in _pods(lab).values():
        for container in (*pod["containers"], *(pod.get("initContainers") or ())):
            assert container["image"].startswith("registry.nebula.test/")


def test_pull_secrets_reach_every_pod() -> None:
    images = {"mirror": "registry.example/nebula", "pull_secrets": ["regcred"]}
    for name, pod in _pods(run({"kubernetes": {"images": images}})).items():
        assert pod["imagePullSecrets"] == [{"name": "regcred"}], name


def test_what_a_site_says_of_its_cluster_reaches_the_manifests() -> None:
    site = {"storage_class": "fast", "spread": "required", "api_ports": [16443]}
    registered = run({"size": "production", "kubernetes": site})
    found, pods = objects(registered), _pods(registered)
    assert found["PersistentVolumeClaim/kafka-data-0"].inputs["spec"]["storageClassName"] == "fast"
    (constraint,) = pods["StatefulSet/kafka"]["topologySpreadConstraints"]
    assert constraint["whenUnsatisfiable"] == "DoNotSchedule"
    (rule,) = found["NetworkPolicy/flights-pipeline-to-api"].inputs["spec"]["egress"]
    assert [port["port"] for port in rule["ports"]] == [16443]


def test_every_workload_of_the_sizing_table_can_be_sized() -> None:
    assert all(set(WORKLOADS) == set(shapes) for shapes in SIZES.values())


def test_a_volume_outlives_its_stateful_set(production: Run) -> None:
    found = objects(production)
    for name in ("kafka", "nats", "postgres"):
        retained = found[f"StatefulSet/{name}"].inputs["spec"]["persistentVolumeClaimRetentionPolicy"]
        assert retained == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert "PersistentVolumeClaim/kafka-data-2" in found
    assert found["PersistentVolumeClaim/kafka-data-2"].inputs["metadata"]["name"] == "data-kafka-2"


def test_quorums_name_their_peers(production: Run) -> None:
    files = objects(production)["ConfigMap/kafka-files"].inputs["data"]
    voters = ",".join(f"{n}@kafka-{n}.kafka-peers.nebula-lab.svc:9093" for n in range(3))
    for n in range(3):
        assert f"node.id={n}\ncontroller.quorum.voters={voters}\n" in files[f"{n}.server.properties"]
        assert (
            f"advertised.listeners=CLIENT://kafka-{n}.kafka-peers.nebula-lab.svc:9092"
            in (files[f"{n}.server.properties"])
        )


def test_replicated_workloads_have_a_budget_and_are_spread(production: Run) -> None:
    found, pods = objects(production), _pods(production)
    for name in ("StatefulSet/kafka", "StatefulSet/nats", "Deployment/keycloak", "Deployment/trino-worker"):
        budget = found[f"PodDisruptionBudget/{name.partition('/')[2]}"].inputs["spec"]
        assert budget["maxUnavailable"] == 1
        assert pods[name]["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"


def test_no_two_trino_nodes_share_an_id() -> None:
    """The coordinator would take one for the other."""
    pods = _pods(run({"sizing": {"trino-worker": {"replicas": 1}}}))
    names = [
        word
        for name in ("Deployment/trino", "Deployment/trino-worker")
        for word in pods[name]["containers"][0]["command"]
        if word.startswith("-Dnode.id=")
    ]
    assert names == ["-Dnode.id=trino-0", "-Dnode.id=trino-worker-0"]


def test_an_autoscaler_owns_the_number_of_its_replicas(production: Run) -> None:
    found = objects(production)
    assert "replicas" not in found["Deployment/trino-worker"].inputs["spec"]
    scaler = found["HorizontalPodAutoscaler/trino-worker"].inputs["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 6)


def _edges(registered: Run) -> dict[tuple[str, str], set[int]]:
    """The ports that the policies open for each client and server, as both ends say it."""
    component = "app.kubernetes.io/component"
    leaving: dict[tuple[str, str], set[int]] = {}
    arriving: dict[tuple[str, str], set[int]] = {}
    for name, policy in objects(registered).items():
        if not name.startswith("NetworkPolicy/"):
            continue
        spec = policy.inputs["spec"]
        here = spec["podSelector"]["matchLabels"].get(component)
        for rule in spec.get("egress") or ():
            for peer in rule.get("to") or ():
                there = peer["podSelector"]["matchLabels"][component]
                leaving.setdefault((here, there), set()).update(port["port"] for port in rule["ports"])
        for rule in spec.get("ingress") or ():
            for peer in rule.get("from") or ():
                there = peer["podSelector"]["matchLabels"][component]
                arriving.setdefault((there, here), set()).update(port["port"] for port in rule["ports"])
    assert leaving == arriving
    return leaving


def test_network_policies_open_exactly_the_declared_links(lab: Run) -> None:
    assert _edges(lab) == {
        ("postgres-databases", "postgres"): {5432},
        ("object-store-buckets", "object-store"): {9000},
        ("kafka-topics", "kafka"): {9092},
        ("nats-streams", "nats"): {4222},
        ("iceberg-catalog", "postgres"): {5432},
        ("iceberg-catalog", "object-store"): {9000},
        ("iceberg-catalog-namespaces", "iceberg-catalog"): {19120},
        ("trino", "iceberg-catalog"): {19120},
        ("trino", "object-store"): {9000},
        ("keycloak", "postgres"): {5432},
        ("keycloak-realm", "keycloak"): {8080},
        ("spark-executor", "spark-executor"): {7079},
        ("spark-executor", "object-store"): {9000},
        ("spark-executor", "iceberg-catalog"): {19120},
        ("flights-pipeline", "object-store"): {9000},
        ("flights-pipeline", "iceberg-catalog"): {19120},
        ("flights-pipeline", "spark-executor"): {7079},
        ("spark-executor", "flights-pipeline"): {7078, 7079},
        ("flights-pipeline", "trino"): {8080},
    }


def test_quorums_may_talk_among_themselves(production: Run) -> None:
    edges = _edges(production)
    assert {("kafka", "kafka"), ("nats", "nats"), ("keycloak", "keycloak")} <= edges.keys()
    assert {("trino", "trino-worker"), ("trino-worker", "trino")} <= edges.keys()
    assert ("redis", "redis") not in edges


def test_everything_else_is_denied(lab: Run) -> None:
    spec = objects(lab)["NetworkPolicy/network"].inputs["spec"]
    assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/instance": "lab"}
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    assert not spec.get("ingress")
    assert all({port["port"] for port in rule["ports"]} == {53, 5353} for rule in spec["egress"])


def test_nothing_is_reached_from_outside_unless_exposed(lab: Run) -> None:
    kinds = {name.partition("/")[0] for name in objects(lab)}
    assert not kinds & {"HTTPRoute", "Ingress"}
    for name, service in objects(lab).items():
        if name.startswith("Service/"):
            assert service.inputs["spec"]["type"] == "ClusterIP"


def test_a_change_of_inputs_is_another_job() -> None:
    def name(changes: Mapping[str, object]) -> str:
        job = objects(run(changes))["Job/kafka-topics"]
        return str(job.inputs["metadata"]["name"])

    assert name({}) == name({})
    assert name({}) != name({"topics": [{"name": "other"}]})


def test_every_object_has_a_name_of_its_own_choice(lab: Run) -> None:
    """One that a cut-off `up` made is found again by the next, and not left in a given namespace."""
    for name, registered in objects(lab).items():
        assert registered.inputs["metadata"].get("name"), name


def test_a_change_of_a_file_names_its_config_map_anew(lab: Run) -> None:
    other = _lab({"topics": [{"name": "other"}], "sizing": {"nats": {"memory": 300}}})

    def names(registered: Run) -> dict[str, str]:
        found = objects(registered)
        kinds = ("ConfigMap/", "Secret/")
        return {n: str(r.inputs["metadata"]["name"]) for n, r in found.items() if n.startswith(kinds)}

    before, after = names(lab), names(other)
    assert len(set(before.values())) == len(before)
    assert {name for name in before if before[name] != after[name]} == {"Secret/nats-secrets"} | {
        name for name in before if name.split("/")[1].startswith(("kafka-topics", "nats-secrets"))
    }


def test_a_namespace_of_the_users_own_is_not_made() -> None:
    given = run({"kubernetes": {"namespace": {"name": "data", "create": False}}})
    assert "Namespace/data" not in objects(given)
    claims = [r for n, r in objects(given).items() if n.startswith("PersistentVolumeClaim/")]
    assert {claim.inputs["metadata"]["namespace"] for claim in claims} == {"data"}


if __name__ == "__main__":  # make snapshot
    _shown = _lab()
    _URNS.write_text("\n".join(sorted(_shown.resources)) + "\n")
    _MANIFESTS.write_text(_text(_shown))
