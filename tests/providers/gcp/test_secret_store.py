"""Secret files: in Secret Manager, for the pods they are for."""

import json

import pytest

from tests.infra.gcp_stack import run
from tests.infra.kubernetes_stack import objects
from tests.mocked_program import Run

_SECRET = "gcp:secretmanager/secret:Secret"
_VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
_MEMBER = "gcp:secretmanager/secretIamMember:SecretIamMember"
_CLASS = "kubernetes:secrets-store.csi.x-k8s.io/v1:SecretProviderClass"


@pytest.fixture(scope="module")
def dev() -> Run:
    return run("gcp-dev")


def test_no_secret_file_is_a_secret_of_the_namespace(dev: Run) -> None:
    """Only variables of the environment are, as nothing else brings them into a pod."""
    for name, found in objects(dev).items():
        if name.startswith("Secret/"):
            assert all(key.startswith("env.") for key in found.inputs["data"]), name


def test_content_is_secret_and_stays_in_the_region(dev: Run) -> None:
    versions, secrets = dev.of_type(_VERSION), dev.of_type(_SECRET)
    assert set(versions) == set(secrets)
    assert versions
    for version in versions.values():
        assert version.plain_inputs["secretData"] == "[secret]"
    for secret in secrets.values():
        (replica,) = secret.inputs["replication"]["userManaged"]["replicas"]
        assert replica["location"] == "europe-west3"
        assert replica["customerManagedEncryption"] == {"kmsKeyName": "keys-secrets-id"}


def test_each_secret_is_read_by_the_pods_of_its_program_alone(dev: Run) -> None:
    members = {name: str(r.inputs["member"]) for name, r in dev.of_type(_MEMBER).items()}
    assert set(members) == set(dev.of_type(_SECRET))
    assert members["redis-redis-conf"] == (
        "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/"
        "my-project-dev.svc.id.goog/subject/ns/nebula-gcp-dev/sa/redis"
    )
    # The add-on asks as the account that the pods take on, where there is one.
    (catalog,) = {member for name, member in members.items() if name.startswith("iceberg-catalog-nessie")}
    assert catalog == "serviceAccount:iceberg-catalog-0000000@my-project.iam.gserviceaccount.com"
    assert all(
        r.inputs["role"] == "roles/secretmanager.secretAccessor" for r in dev.of_type(_MEMBER).values()
    )


def test_pods_mount_the_versions_that_they_were_made_with(dev: Run) -> None:
    classes = {r.inputs["metadata"]["name"]: r for r in dev.of_type(_CLASS).values()}
    mounted = set()
    for name, found in objects(dev).items():
        if not name.startswith(("StatefulSet/", "Deployment/", "Job/")):
            continue
        for volume in found.inputs["spec"]["template"]["spec"].get("volumes") or ():
            if "csi" in volume:
                assert volume["csi"]["driver"] == "secrets-store-gke.csi.k8s.io"
                assert volume["csi"]["readOnly"] is True
                mounted.add(volume["csi"]["volumeAttributes"]["secretProviderClass"])
    assert mounted <= set(classes)
    assert len(mounted) > 5
    for found in classes.values():
        assert found.inputs["spec"]["provider"] == "gke"
        for file in json.loads(found.inputs["spec"]["parameters"]["secrets"]):
            assert file["resourceName"].rpartition("/versions/")[2] == "1"


def test_the_mount_waits_for_the_versions(dev: Run) -> None:
    versions = dev.of_type(_VERSION)
    mounted = dev.of_type(_CLASS)["redis-secrets"]
    assert versions["redis-redis-conf"].urn in mounted.dependencies
    reader = dev.of_type(_MEMBER)["redis-redis-conf"]
    assert reader.urn in versions["redis-redis-conf"].dependencies
