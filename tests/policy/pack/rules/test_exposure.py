"""What the internet may reach."""

import json

import pytest

from policy.pack.model import UNKNOWN, Stack
from tests.policy.pack.case import Case, ids, resource

SERVICE, LB = "kubernetes:core/v1:Service", "aws:lb/loadBalancer:LoadBalancer"
FORWARDING = "gcp:compute/forwardingRule:ForwardingRule"
BUCKET, BLOCK = "aws:s3/bucket:Bucket", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BLOCKED = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)
CLOSED = {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": True}
EXPOSED = Stack(cloud="aws", exposed=frozenset({"iceberg_catalog"}))
LABELS = {"app.kubernetes.io/component": "iceberg-catalog"}
EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}


def _service(annotations: dict[str, str] | None = None, **spec: object) -> dict[str, object]:
    return {"metadata": {"labels": LABELS, "annotations": annotations or {}}, "spec": spec}


def _document(**changes: object) -> str:
    return json.dumps({"Statement": [{**EVERYBODY, **changes}]})


_INTERNAL = {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}
_RULE = "no-public-load-balancer"
CASES = [
    Case(_RULE, "a public service", (resource(SERVICE, _service(type="LoadBalancer")),), 1),
    Case(_RULE, "external addresses", (resource(SERVICE, _service(externalIPs=["192.0.2.1"])),), 1),
    Case(_RULE, "a cluster's own service", (resource(SERVICE, _service(type="ClusterIP")),)),
    Case(_RULE, "an internal service", (resource(SERVICE, _service(_INTERNAL, type="LoadBalancer")),)),
    Case(_RULE, "exposed", (resource(SERVICE, _service(type="LoadBalancer")),), stack=EXPOSED),
    Case(_RULE, "an AWS load balancer", (resource(LB),), 1),
    Case(
        _RULE, "its tag, exposed", (resource(LB, {"tags": {"Component": "iceberg_catalog"}}),), stack=EXPOSED
    ),
    Case(_RULE, "an internal one", (resource(LB, {"internal": True}),)),
    Case(_RULE, "not known yet", (resource(LB, {"internal": UNKNOWN}),)),
    Case(_RULE, "a GCP forwarding rule", (resource(FORWARDING),), 1),
    Case(_RULE, "an internal one of GCP", (resource(FORWARDING, {"loadBalancingScheme": "INTERNAL"}),)),
    Case(
        "no-public-database", "RDS", (resource("aws:rds/instance:Instance", {"publiclyAccessible": True}),), 1
    ),
    Case("no-public-database", "private RDS", (resource("aws:rds/instance:Instance"),)),
    Case("no-public-database", "Cloud SQL", (resource("gcp:sql/databaseInstance:DatabaseInstance"),), 1),
    Case(
        "no-public-database",
        "private Cloud SQL",
        (
            resource(
                "gcp:sql/databaseInstance:DatabaseInstance",
                {"settings": {"ipConfiguration": {"ipv4Enabled": False}}},
            ),
        ),
    ),
    Case("no-public-bucket", "an ACL", (resource("aws:s3/bucketAcl:BucketAcl", {"acl": "public-read"}),), 1),
    Case("no-public-bucket", "a private ACL", (resource("aws:s3/bucketAcl:BucketAcl", {"acl": "private"}),)),
    Case(
        "no-public-bucket", "one block left", (resource(BLOCK, {**BLOCKED, "blockPublicPolicy": False}),), 1
    ),
    Case("no-public-bucket", "all blocked", (resource(BLOCK, BLOCKED),)),
    Case("no-public-bucket", "a policy for all", (resource(POLICY, {"policy": _document()}),), 1),
    Case(
        "no-public-bucket",
        "a policy for all in a mapping",
        (resource(POLICY, {"policy": _document(Principal={"AWS": ["*"]})}),),
        1,
    ),
    Case("no-public-bucket", "a denial", (resource(POLICY, {"policy": _document(Effect="Deny")}),)),
    Case("no-public-bucket", "a GCP bucket", (resource("gcp:storage/bucket:Bucket"),), 2),
    Case("no-public-bucket", "a closed one", (resource("gcp:storage/bucket:Bucket", CLOSED),)),
    Case(
        "no-public-bucket",
        "everybody",
        (resource("gcp:storage/bucketIAMMember:BucketIAMMember", {"member": "allUsers"}),),
        1,
    ),
    Case(
        "no-public-bucket",
        "one identity",
        (resource("gcp:storage/bucketIAMMember:BucketIAMMember", {"member": "serviceAccount:trino@p"}),),
    ),
    Case(
        "bucket-access-blocked",
        "one of two",
        (resource(BUCKET, name="a"), resource(BUCKET, name="b"), resource(BLOCK, uses={"bucket": "a"})),
        1,
    ),
    Case(
        "bucket-access-blocked",
        "by the resource, though its name is not known",
        (resource(BUCKET, name="a"), resource(BLOCK, {"bucket": UNKNOWN}, uses={"bucket": "a"})),
    ),
    Case(
        "bucket-access-blocked",
        "by its name",
        (resource(BUCKET, {"bucket": "lake"}, name="a"), resource(BLOCK, {"bucket": "lake"})),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_only_what_is_exposed_can_be_reached(case: Case) -> None:
    assert len(case.messages()) == case.violations
