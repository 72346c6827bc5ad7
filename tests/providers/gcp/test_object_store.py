"""The buckets, and who reaches them."""

import pytest

from tests.infra.gcp_stack import LIGHT, run
from tests.infra.kubernetes_stack import objects
from tests.mocked_program import Run

_BUCKET, _MEMBER = "gcp:storage/bucket:Bucket", "gcp:storage/bucketIAMMember:BucketIAMMember"
_VIEWER, _USER = "roles/storage.objectViewer", "roles/storage.objectUser"


@pytest.fixture(scope="module")
def dev() -> Run:
    return run("gcp-dev")


def test_no_bucket_can_be_made_public(dev: Run) -> None:
    buckets = dev.of_type(_BUCKET)
    assert buckets
    for bucket in buckets.values():
        assert bucket.inputs["publicAccessPrevention"] == "enforced"
        assert bucket.inputs["uniformBucketLevelAccess"] is True


def test_what_is_overwritten_is_kept_and_at_last_deleted(dev: Run) -> None:
    for bucket in dev.of_type(_BUCKET).values():
        assert bucket.inputs["versioning"] == {"enabled": True}
        old, unfinished = bucket.inputs["lifecycleRules"]
        assert old["action"] == {"type": "Delete"}
        assert old["condition"]["withState"] == "ARCHIVED"
        assert old["condition"]["daysSinceNoncurrentTime"] > 0
        assert unfinished["action"] == {"type": "AbortIncompleteMultipartUpload"}


def test_each_service_reaches_its_buckets_and_no_others(dev: Run) -> None:
    granted = {
        (
            str(r.inputs["member"]).removeprefix("serviceAccount:").rpartition("-0000000@")[0],
            str(r.inputs["bucket"]).removesuffix("-0000000"),
            r.inputs["role"],
        )
        for r in dev.of_type(_MEMBER).values()
    }
    assert granted == {
        ("iceberg-catalog", "warehouse", _USER),
        ("trino", "warehouse", _USER),
        ("spark", "warehouse", _USER),
        ("spark", "checkpoints", _USER),
        ("spark", "bronze", _VIEWER),
        ("flights", "warehouse", _USER),
        ("flights", "bronze", _USER),
    }


def test_pods_are_the_account_that_was_granted_and_no_stranger_is(dev: Run) -> None:
    accounts = {
        name.removeprefix("ServiceAccount/"): found.inputs["metadata"]["annotations"][
            "iam.gke.io/gcp-service-account"
        ]
        for name, found in objects(dev).items()
        if name.startswith("ServiceAccount/") and (found.inputs["metadata"].get("annotations") or {})
    }
    bound = {
        str(r.inputs["member"]).rpartition("/")[2].rstrip("]"): str(r.inputs["serviceAccountId"]).rpartition(
            "/"
        )[2]
        for r in dev.of_type("gcp:serviceaccount/iAMMember:IAMMember").values()
    }
    assert bound == {name.replace("_", "-"): account for name, account in accounts.items()}
    assert {name: account.rpartition("-0000000@")[0] for name, account in bound.items()} == {
        "iceberg-catalog": "iceberg-catalog",
        "trino": "trino",
        "spark-executor": "spark",
        "flights-pipeline": "flights",
    }


def _end(path: str) -> str:
    return path.rpartition("/")[2]


def test_pods_with_an_identity_reach_the_metadata_server(dev: Run) -> None:
    (policy,) = (
        found.inputs["spec"]
        for name, found in objects(dev).items()
        if name.startswith("NetworkPolicy/")
        and found.inputs["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component") == "trino"
        and "169.254.169.254/32" in str(found.inputs["spec"])
    )
    reached = {(rule["to"][0]["ipBlock"]["cidr"], rule["ports"][0]["port"]) for rule in policy["egress"]}
    assert reached == {("169.254.169.254/32", 80), ("169.254.169.252/32", 988)}


def test_clients_speak_google_s_own_api_and_have_no_key(dev: Run) -> None:
    assert dev.outputs["endpoints"]["object_store"]["buckets"]["gold"] == "gs://gold-0000000"
    assert "password" not in str(dev.outputs["credentials"]["object_store"])


def test_a_bucket_of_the_user_s_own_is_made_like_the_others() -> None:
    registered = run("gcp-dev", {**LIGHT, "buckets": ["landing"]})
    assert registered.of_type(_BUCKET)["landing"].inputs["publicAccessPrevention"] == "enforced"
