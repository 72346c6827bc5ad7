"""The cluster: who reaches it, and what its nodes hold."""

import json
import math
from typing import Any

import pytest

from providers.gcp.sizing import GCP_SIZES, Machine
from tests.infra.gcp_stack import LIGHT, STACKS, run, settings
from tests.infra.kubernetes_stack import objects
from tests.mocked_program import Run

GIB = 1024


@pytest.fixture(scope="module")
def dev() -> Run:
    return run("gcp-dev")


@pytest.fixture(scope="module")
def autopilot() -> Run:
    return run("gcp-dev", {"gcp": {"autopilot": True}})


def cluster_of(registered: Run) -> Any:
    (cluster,) = registered.of_type("gcp:container/cluster:Cluster").values()
    return cluster.inputs


@pytest.mark.parametrize(
    ("sites", "private"),
    [(["10.0.0.0/8"], True), (["10.0.0.0/8", "198.51.100.0/24"], False), (["198.51.100.7/32"], False)],
)
def test_the_api_is_on_the_internet_only_for_those_who_come_from_there(
    sites: list[str], private: bool
) -> None:
    made = cluster_of(run("gcp-dev", {**LIGHT, "gcp": {"api_access": sites}}))
    assert made["privateClusterConfig"]["enablePrivateEndpoint"] is private
    allowed = made["masterAuthorizedNetworksConfig"]
    assert [block["cidrBlock"] for block in allowed["cidrBlocks"]] == sites
    assert allowed["gcpPublicCidrsAccessEnabled"] is False


def test_network_policies_are_enforced(dev: Run) -> None:
    assert cluster_of(dev)["datapathProvider"] == "ADVANCED_DATAPATH"


def test_pods_get_identities_of_their_own_and_none_of_the_nodes(dev: Run) -> None:
    assert cluster_of(dev)["workloadIdentityConfig"]["workloadPool"] == "my-project-dev.svc.id.goog"
    for pool in dev.of_type("gcp:container/nodePool:NodePool").values():
        assert pool.inputs["nodeConfig"]["workloadMetadataConfig"]["mode"] == "GKE_METADATA"
        assert pool.inputs["nodeConfig"]["shieldedInstanceConfig"]["enableSecureBoot"] is True


def test_nodes_have_an_account_that_reads_the_stack_s_images_alone(dev: Run) -> None:
    (granted,) = dev.of_type("gcp:projects/iAMMember:IAMMember").values()
    assert granted.inputs["role"] == "roles/container.defaultNodeServiceAccount"
    (reader,) = dev.of_type("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember").values()
    assert reader.inputs["role"] == "roles/artifactregistry.reader"
    assert reader.inputs["member"] == granted.inputs["member"]


def test_workers_are_spot_and_avoided_by_what_keeps_state() -> None:
    pools = run("gcp-prod").of_type("gcp:container/nodePool:NodePool")
    assert pools["cluster-servers"].inputs["nodeConfig"]["spot"] is False
    workers = pools["cluster-workers"].inputs["nodeConfig"]
    assert workers["spot"] is True
    assert [taint["effect"] for taint in workers["taints"]] == ["PREFER_NO_SCHEDULE"]


def test_autopilot_has_no_pool_and_the_same_platform(dev: Run, autopilot: Run) -> None:
    made = cluster_of(autopilot)
    assert made["enableAutopilot"] is True
    assert not {"removeDefaultNodePool", "nodeConfig", "datapathProvider"} & set(made)
    assert not autopilot.of_type("gcp:container/nodePool:NodePool")
    assert set(objects(autopilot)) == set(objects(dev))


def test_the_kubeconfig_holds_no_credential(dev: Run) -> None:
    (provider,) = dev.of_type("pulumi:providers:kubernetes").values()
    user = json.loads(provider.inputs["kubeconfig"])["users"][0]["user"]
    assert set(user) == {"exec"}
    assert user["exec"]["command"] == "gke-gcloud-auth-plugin"


def test_images_come_from_the_stack_s_own_repository_unless_there_is_another_mirror(dev: Run) -> None:
    (repository,) = dev.of_type("gcp:artifactregistry/repository:Repository").values()
    assert repository.inputs["repositoryId"] == "nebula-gcp-dev"
    assert _images(dev) == {"europe-west3-docker.pkg.dev/my-project-dev/nebula"}
    elsewhere = run("gcp-dev", {**LIGHT, "kubernetes": {"images": {"mirror": "registry.example/nebula"}}})
    assert not elsewhere.of_type("gcp:artifactregistry/repository:Repository")
    assert _images(elsewhere) == {"registry.example/nebula"}


@pytest.mark.parametrize("stack", STACKS)
def test_every_pod_fits_a_node_of_its_size(stack: str) -> None:
    sizes = GCP_SIZES[settings(stack).size]
    pools = [pool for pool in (sizes.servers, sizes.workers) if pool is not None]
    room = [(_cores(pool.machine), _memory(pool.machine)) for pool in pools]
    for name, (cores, memory, _) in _requests(run(stack)).items():
        fits = any(cores < free and memory < left for free, left in room)
        assert fits, f"{name}: {cores} cores, {memory} MiB"


@pytest.mark.parametrize("stack", STACKS)
def test_all_pods_fit_the_most_nodes_that_the_size_allows(stack: str) -> None:
    sizes = GCP_SIZES[settings(stack).size]
    pools = [node for node in (sizes.servers, sizes.workers) if node]
    requested = _requests(run(stack)).values()
    assert sum(n * cores for cores, _, n in requested) < sum(p.maximum * _cores(p.machine) for p in pools)
    assert sum(n * memory for _, memory, n in requested) < sum(p.maximum * _memory(p.machine) for p in pools)


def _requests(registered: Run) -> dict[str, tuple[float, float, int]]:
    """Cores and MiB that a pod of each workload asks for, and how many of it there are."""
    found = {}
    for name, manifest in objects(registered).items():
        spec = manifest.inputs.get("spec") or {}
        if not isinstance(spec.get("template"), dict) or "spec" not in spec["template"]:
            continue
        wanted = [c["resources"]["requests"] for c in spec["template"]["spec"]["containers"]]
        cores = sum(_quantity(each["cpu"]) for each in wanted)
        memory = sum(_quantity(each["memory"]) for each in wanted) / 2**20
        found[name] = (cores, memory, int(spec.get("replicas") or 1))
    assert found
    return found


def _quantity(text: str) -> float:
    for suffix, factor in (("Gi", 2**30), ("Mi", 2**20), ("m", 1e-3)):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    return float(text)


def _cores(machine: Machine) -> float:
    """What is left of a node's cores (https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes):
    6 % of the first are reserved, 1 % of the second, half a percent of the next two, a quarter after."""
    reserved = 0.06 + 0.01 + 2 * 0.005 + (machine.cores - 4) * 0.0025
    return machine.cores - reserved


def _memory(machine: Machine) -> float:
    """MiB left of a node's memory, by the same page: a quarter of the first 4 GiB is reserved, a fifth of
    the next 4, a tenth of the next 8, 6 % up to 128 GiB, and 100 MiB below which pods are evicted."""
    bands = ((4, 0.25), (4, 0.2), (8, 0.1), (112, 0.06), (math.inf, 0.02))
    left, reserved = float(machine.memory), 0.0
    for width, part in bands:
        reserved += min(left, width) * part
        left -= min(left, width)
    return (machine.memory - reserved) * GIB - 100


def _images(registered: Run) -> set[str]:
    """What the images of all pods are below."""
    pods = [
        manifest.inputs["spec"]["template"]["spec"]
        for name, manifest in objects(registered).items()
        if name.startswith(("StatefulSet/", "Deployment/", "Job/"))
    ]
    found = {container["image"] for pod in pods for container in pod["containers"]}
    return {name[: name.index("/nebula") + len("/nebula")] for name in found}
