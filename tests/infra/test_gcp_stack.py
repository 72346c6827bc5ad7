"""The whole stacks of Google Cloud against Pulumi's mocks: their URNs, labels, secrets, and protection."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.infra.gcp_stack import LIGHT, STACKS, run
from tests.mocked_program import Registration, Run
from tests.providers.gcp.mocked import LABELLED, labels_of

HERE = Path(__file__).parent

_DATA = (
    "gcp:container/cluster:Cluster",
    "gcp:kms/cryptoKey:CryptoKey",
    "gcp:kms/keyRing:KeyRing",
    "gcp:sql/databaseInstance:DatabaseInstance",
    "gcp:storage/bucket:Bucket",
)
"""What is lost with what it holds."""


@pytest.fixture(scope="module", params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def registered(stack: str) -> Run:
    return run(stack)


def of_google(registered: Run) -> list[Registration]:
    return [r for r in registered.resources.values() if r.type.startswith("gcp:")]


def test_urns_are_those_of_the_snapshot(stack: str, registered: Run) -> None:
    """URNs are public API: a changed one replaces what holds data. Renew with `make snapshot` on purpose."""
    assert sorted(registered.resources) == _urns(stack).read_text().splitlines()


def test_preview_registers_the_same_resources(stack: str, registered: Run) -> None:
    assert set(run(stack, preview=True).resources) == set(registered.resources)


def test_every_resource_carries_an_explicit_provider(registered: Run) -> None:
    owners = {"gcp": "providers:gcp::gcp", "kubernetes": "providers:kubernetes::cluster", "random": "::gcp"}
    owned = [
        (r, owners[kind]) for r in registered.resources.values() if (kind := r.type.split(":")[0]) in owners
    ]
    assert {r.type.split(":")[0] for r, _ in owned} == set(owners)
    for resource, owner in owned:
        assert owner in resource.provider, resource.urn


def test_whatever_can_carry_labels_says_whose_it_is(stack: str, registered: Run) -> None:
    labelled = {r.urn: found for r in of_google(registered) if (found := labels_of(r)) is not None}
    assert {registered.resources[urn].type for urn in labelled} == set(LABELLED)
    for urn, labels in labelled.items():
        assert labels["project"] == "nebula", urn
        assert labels["stack"] == stack, urn
        assert labels["owner"] == "data-platform", urn
        assert {"component", "cost-centre"} <= set(labels), urn


def test_no_secret_stands_in_a_plain_input(registered: Run) -> None:
    minted = {
        f"secret-of-{name}" for name in registered.of_type("random:index/randomPassword:RandomPassword")
    }
    assert minted
    for resource in registered.resources.values():
        text = json.dumps(resource.plain_inputs, default=str)
        assert not [secret for secret in minted if secret in text], f"{resource.urn} shows a secret"


def test_no_key_of_an_account_exists(registered: Run) -> None:
    """Neither Google's nor the S3-compatible kind: identities are those of workloads."""
    assert not [r for r in of_google(registered) if r.type.lower().endswith(("key:key", "hmackey:hmackey"))]


def test_data_is_encrypted_by_keys_of_the_stack(registered: Run) -> None:
    where = {
        "gcp:storage/bucket:Bucket": ("encryption", "defaultKmsKeyName"),
        "gcp:sql/databaseInstance:DatabaseInstance": ("encryptionKeyName",),
        "gcp:container/cluster:Cluster": ("databaseEncryption", "keyName"),
        "gcp:container/nodePool:NodePool": ("nodeConfig", "bootDiskKmsKey"),
        "gcp:artifactregistry/repository:Repository": ("kmsKeyName",),
    }
    keys = {f"{name}-id" for name in registered.of_type("gcp:kms/cryptoKey:CryptoKey")}
    for token, path in where.items():
        found = registered.of_type(token)
        assert found, token
        for resource in found.values():
            assert _at(resource.inputs, path) in keys, resource.urn


def test_whoever_encrypts_may_use_the_key_before_it_does(registered: Run) -> None:
    granted = registered.of_type("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember")
    users = {
        "keys-object_store-storage": "gcp:storage/bucket:Bucket",
        "keys-postgres-sqladmin": "gcp:sql/databaseInstance:DatabaseInstance",
        "keys-cluster-container": "gcp:container/cluster:Cluster",
        "keys-volumes-compute": "gcp:container/cluster:Cluster",
        "keys-images-artifactregistry": "gcp:artifactregistry/repository:Repository",
        "keys-secrets-secretmanager": "gcp:secretmanager/secret:Secret",
    }
    assert set(granted) == set(users)
    for grant, token in users.items():
        for resource in registered.of_type(token).values():
            assert granted[grant].urn in resource.dependencies, resource.urn


@pytest.mark.parametrize(("name", "protected"), [("gcp-dev", False), ("gcp-prod", True)])
def test_what_holds_data_is_protected_in_production_alone(name: str, protected: bool) -> None:
    registered = run(name)
    for resource in registered.resources.values():
        assert resource.protect is (protected and resource.type in _DATA), resource.urn
    (database,) = registered.of_type("gcp:sql/databaseInstance:DatabaseInstance").values()
    assert database.inputs["deletionProtection"] is protected
    assert database.inputs["settings"]["deletionProtectionEnabled"] is protected
    for bucket in registered.of_type("gcp:storage/bucket:Bucket").values():
        assert bucket.inputs["forceDestroy"] is not protected


def test_a_parked_stack_keeps_its_data_and_has_no_node() -> None:
    on, parked = run("gcp-dev", LIGHT), run("gcp-dev", {**LIGHT, "power": "parked"})
    assert {u for u in on.resources if "gcp:" in u} == {u for u in parked.resources if "gcp:" in u}
    for pool in parked.of_type("gcp:container/nodePool:NodePool").values():
        assert pool.inputs["nodeCount"] == 0
        assert "autoscaling" not in pool.inputs
    (database,) = parked.of_type("gcp:sql/databaseInstance:DatabaseInstance").values()
    assert database.inputs["settings"]["activationPolicy"] == "NEVER"


def _at(inputs: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        inputs = inputs[part]
    return inputs


def _urns(stack: str) -> Path:
    return HERE / f"{stack.replace('-', '_')}_urns.txt"


if __name__ == "__main__":
    for name in STACKS:
        _urns(name).write_text("\n".join(sorted(run(name).resources)) + "\n")
