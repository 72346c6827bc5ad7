"""Every manifest of every stack is accepted by a real API server: server-side apply as a dry run, with
strict field validation and Pod Security `restricted` enforced. No pod is run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError

from providers.local.artifacts import go
from providers.local.paths import cache_directory
from tests.e2e.full import eventually
from tests.infra.kubernetes_stack import manifests, run
from tests.testbed.binaries import API_PROGRAMS, missing
from tests.testbed.control_plane import ControlPlane

_STACKS: Mapping[str, Mapping[str, object]] = {
    "lab": {},
    "small": {"size": "small"},
    "production": {"size": "production"},
    "private": {
        "kubernetes": {
            "images": {"mirror": "registry.example:5000/nebula", "pull_secrets": ["registry"]},
            "storage_class": "fast",
            "spread": "required",
        }
    },
    "exposed": {
        "expose": {"trino": "sql.example.org", "keycloak": "auth.example.org"},
        "kubernetes": {"gateway": {"name": "public", "namespace": "gateways"}},
    },
    "balanced": {
        "size": "production",
        "expose": {"trino": "sql.example.org", "kafka": "kafka.example.org"},
        "kubernetes": {
            "load_balancer": {
                "tls_secret": "site",
                "load_balancer_class": "example.org/internal",
                "annotations": {"example.org/pool": "data"},
                "source_ranges": ["10.0.0.0/8"],
            }
        },
    },
}
_GATEWAY_API = "sigs.k8s.io/gateway-api"


@dataclass(frozen=True)
class ApiServer:
    """Applies objects, as a dry run or in earnest. Raises what the server answers."""

    dynamic: DynamicClient

    def accept(self, manifest: Mapping[str, Any], namespace: str | None) -> Any:
        return self._apply(manifest, namespace, ("dryRun", "All"), ("fieldValidation", "Strict"))

    def apply(self, manifest: Mapping[str, Any], namespace: str) -> Any:
        return self._apply(manifest, namespace, ("fieldValidation", "Strict"))

    def complete(self, job: str, namespace: str) -> None:
        """Say that a Job has ended well, as its controller would."""
        now = "2026-01-01T00:00:00Z"
        done = {"status": "True", "lastTransitionTime": now, "lastProbeTime": now}
        conditions = [{**done, "type": kind} for kind in ("SuccessCriteriaMet", "Complete")]
        status = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}
        jobs: Any = client.BatchV1Api(self.dynamic.client)
        jobs.patch_namespaced_job_status(job, namespace, {"status": status})

    def _apply(self, manifest: Mapping[str, Any], namespace: str | None, *options: tuple[str, str]) -> Any:
        resource = self.dynamic.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        return self.dynamic.server_side_apply(
            resource,
            body=dict(manifest),
            name=manifest["metadata"]["name"],
            namespace=namespace,
            field_manager="nebula",
            query_params=list(options),
        )


@pytest.fixture(scope="module")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    if absent := missing(API_PROGRAMS, cache_directory()):
        pytest.skip(f"not built: {absent}; run: python -m tests.testbed build --api-only")
    with (
        ControlPlane(tmp_path_factory.mktemp("kubernetes")) as control_plane,
        config.new_client_from_config(str(control_plane.kubeconfig)) as api,
    ):
        _define_routes(api)
        yield ApiServer(DynamicClient(api))


def _define_routes(api: client.ApiClient) -> None:
    """Install the Gateway API's HTTPRoute, as a cluster with a Gateway has it."""
    module = Path(__file__).with_name("gateway_api")
    source = go.module_source(_GATEWAY_API, module, cache_directory(), print)
    (file,) = (source / "config" / "crd" / "standard").glob("*_httproutes.yaml")
    definitions: Any = client.ApiextensionsV1Api(api)
    definition = yaml.safe_load(file.read_text())
    definitions.create_custom_resource_definition(definition)
    for attempt in eventually(60):
        with attempt:
            found = definitions.read_custom_resource_definition_status(definition["metadata"]["name"])
            assert {c.type: c.status for c in found.status.conditions}["Established"] == "True"


def _pod(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """The pod of a workload by itself: Pod Security refuses pods, and only warns of templates."""
    template = (manifest.get("spec") or {}).get("template")
    if template is None:
        return None
    spec = dict(template["spec"])
    claims = [claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates") or ()]
    spec["volumes"] = [*spec["volumes"], *({"name": name, "emptyDir": {}} for name in claims)]
    metadata = {"name": manifest["metadata"]["name"], "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("stack", _STACKS)
def test_the_api_server_accepts_every_manifest(api_server: ApiServer, stack: str) -> None:
    every = manifests(run(_STACKS[stack]), secrets=True)
    (namespace,) = [manifest for manifest in every if manifest["kind"] == "Namespace"]
    name = f"{namespace['metadata']['name']}-{stack}"
    namespace = {**namespace, "metadata": {**namespace["metadata"], "name": name}}
    core = api_server.dynamic.resources.get(api_version="v1", kind="Namespace")
    core.create(body=namespace)
    refused, accepted = [], 0
    for manifest in every:
        if manifest["kind"] == "Namespace":
            continue
        placed = {**manifest, "metadata": {**manifest["metadata"], "namespace": name}}
        for candidate in filter(None, (placed, _pod(placed))):
            try:
                api_server.accept(candidate, name)
                accepted += 1
            except (ApiException, DynamicApiError) as error:
                refused.append(f"{candidate['kind']} {candidate['metadata']['name']}: {error}")
    assert not refused, "\n".join(refused)
    assert accepted > len(every)


def test_the_server_refuses_what_is_wrong(api_server: ApiServer) -> None:
    """The test above can fail: the server that it asks does refuse."""
    claim = next(m for m in manifests(run()) if m["kind"] == "PersistentVolumeClaim")
    wrong = {**claim, "spec": {**claim["spec"], "storage": "10Gi"}}
    core = api_server.dynamic.resources.get(api_version="v1", kind="Namespace")
    metadata = {"name": "refusing", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    core.create(body={"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    with pytest.raises((ApiException, DynamicApiError), match=r"unknown field|not declared in schema"):
        api_server.accept({**wrong, "metadata": {**wrong["metadata"], "namespace": "refusing"}}, "refusing")
    pod = _pod(next(m for m in manifests(run()) if m["kind"] == "Deployment"))
    assert pod is not None
    del pod["spec"]["securityContext"]
    with pytest.raises((ApiException, DynamicApiError), match="violates PodSecurity"):
        api_server.accept({**pod, "metadata": {"name": "root", "namespace": "refusing"}}, "refusing")


def test_what_is_on_can_be_parked_and_brought_back(api_server: ApiServer) -> None:
    """Each object is updated in place, a Job that has run too: for the server nothing is immutable that
    parking changes."""
    on, parked = (
        manifests(run({"size": "production", "power": power}), secrets=True) for power in ("on", "parked")
    )
    name = "parking"
    core = api_server.dynamic.resources.get(api_version="v1", kind="Namespace")
    core.create(body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    uids: list[dict[str, str]] = []
    for every in (on, parked, on):
        placed = [
            {**manifest, "metadata": {**manifest["metadata"], "namespace": name}}
            for manifest in every
            if manifest["kind"] != "Namespace"
        ]
        applied = [api_server.apply(manifest, name) for manifest in placed]
        uids.append({f"{each.kind}/{each.metadata.name}": each.metadata.uid for each in applied})
        if len(uids) == 1:
            for each in applied:
                if each.kind == "Job":
                    api_server.complete(each.metadata.name, name)
        replicas = {each.spec.replicas for each in applied if each.kind in {"StatefulSet", "Deployment"}}
        assert (replicas == {0}) == (every is parked)
    assert uids[0] == uids[1] == uids[2]
    assert any(known.startswith("Job/") for known in uids[0])
