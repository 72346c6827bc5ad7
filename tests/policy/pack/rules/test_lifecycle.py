"""Tags, and how long what holds data lives."""

import pytest

from policy.pack.model import UNKNOWN, Stack
from tests.policy.pack.case import DEVELOPMENT, Case, ids, resource

VPC, BUCKET, RDS = "aws:ec2/vpc:Vpc", "aws:s3/bucket:Bucket", "aws:rds/instance:Instance"
SQL, GCS, CLUSTER = (
    "gcp:sql/databaseInstance:DatabaseInstance",
    "gcp:storage/bucket:Bucket",
    "gcp:container/cluster:Cluster",
)
TAGS = {"nebula:stack": "aws-dev", "nebula:component": "network", "owner": "data", "cost-centre": "42"}
LABELS = {"stack": "gcp-dev", "component": "network", "owner": "data", "cost-centre": "42"}
ENDING = Stack(cloud="aws", ends=True)
_RULE, _STATEFUL = "required-tags", "stateful-protected"
_DESTROYABLE = {"deletionProtection": False, "skipFinalSnapshot": True}
_KEPT = {"deletionProtection": True, "skipFinalSnapshot": False}

CASES = [
    Case(_RULE, "no tags", (resource(VPC),), 1),
    Case(_RULE, "without its owner", (resource(VPC, {"tags": {"stack": "a", "component": "b"}}),), 1),
    Case(_RULE, "all", (resource(VPC, {"tags": TAGS}),)),
    Case(_RULE, "by its provider", (resource(VPC, provider={"defaultTags": {"tags": TAGS}}),)),
    Case(_RULE, "not known yet", (resource(VPC, {"tags": UNKNOWN}),), 1),
    Case(_RULE, "not known yet, in development", (resource(VPC, {"tags": UNKNOWN}),), stack=DEVELOPMENT),
    Case(_RULE, "the stack's end is missing", (resource(VPC, {"tags": TAGS}),), 1, ENDING),
    Case(_RULE, "its end", (resource(VPC, {"tags": {**TAGS, "ttl": "2027-01-01"}}),), stack=ENDING),
    Case(_RULE, "what takes none", (resource("aws:ec2/route:Route"),)),
    Case(_RULE, "no labels", (resource(CLUSTER),), 1),
    Case(_RULE, "labels", (resource(CLUSTER, {"resourceLabels": LABELS}),)),
    Case(_RULE, "a database's labels", (resource(SQL, {"settings": {"userLabels": LABELS}}),)),
    Case(_STATEFUL, "a bucket", (resource(BUCKET),), 1),
    Case(_STATEFUL, "that is emptied", (resource(BUCKET, {"forceDestroy": True}, protect=True),), 1),
    Case(_STATEFUL, "protected", (resource(BUCKET, protect=True),)),
    Case(_STATEFUL, "RDS", (resource(RDS, _DESTROYABLE),), 3),
    Case(_STATEFUL, "protected RDS", (resource(RDS, _KEPT, protect=True),)),
    Case(_STATEFUL, "protected in development", (resource(RDS, _KEPT, protect=True),), 3, DEVELOPMENT),
    Case(_STATEFUL, "destroyable", (resource(RDS, _DESTROYABLE),), stack=DEVELOPMENT),
    Case(_STATEFUL, "Cloud SQL's default", (resource(SQL),), 1, DEVELOPMENT),
    Case(_STATEFUL, "Cloud SQL", (resource(SQL, {"deletionProtection": False}),), stack=DEVELOPMENT),
    Case(_STATEFUL, "GCS that stays", (resource(GCS),), 1, DEVELOPMENT),
    Case(_STATEFUL, "GCS that goes", (resource(GCS, {"forceDestroy": True}),), stack=DEVELOPMENT),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_everything_has_an_owner_and_data_a_keeper(case: Case) -> None:
    assert len(case.messages()) == case.violations
