"""Where the stack runs, and how much of it there may be."""

import pytest

from policy.pack.model import UNKNOWN, Budget, Stack
from tests.policy.pack.case import DEVELOPMENT, Case, ids, resource

GROUP, RDS, BUCKET = "aws:eks/nodeGroup:NodeGroup", "aws:rds/instance:Instance", "aws:s3/bucket:Bucket"
POOL, CLUSTER = "gcp:container/nodePool:NodePool", "gcp:container/cluster:Cluster"
_BUDGET, _REGIONS = "instance-budget", "allowed-regions"
IRELAND = Stack(cloud="aws", regions=frozenset({"eu-west-1"}))
BELGIUM = Stack(cloud="gcp", regions=frozenset({"europe-west1", "eu"}))
THREE = Stack(cloud="aws", budget=Budget(instances=3, types=("m7g.large",)))


def _group(most: int, kind: str = "m7g.large") -> dict[str, object]:
    return {"scalingConfig": {"minSize": 1, "maxSize": most}, "instanceTypes": [kind]}


def _pool(most: int, **more: object) -> dict[str, object]:
    return {"autoscaling": {"maxNodeCount": most}, "nodeConfig": {"machineType": "e2-standard-4"}, **more}


CASES = [
    Case(_BUDGET, "two groups", (resource(GROUP, _group(2)), resource(GROUP, _group(2))), 1, THREE),
    Case(_BUDGET, "as many as there may be", (resource(GROUP, _group(3)),), stack=THREE),
    Case(_BUDGET, "another type", (resource(GROUP, _group(1, "x2gd.16xlarge")),), 1, DEVELOPMENT),
    Case(_BUDGET, "a large database", (resource(RDS, {"instanceClass": "db.r8g.16xlarge"}),), 1, DEVELOPMENT),
    Case(_BUDGET, "a small one", (resource(RDS, {"instanceClass": "db.t4g.medium"}),), stack=DEVELOPMENT),
    Case(_BUDGET, "three in each of three zones", (resource(POOL, _pool(5)),), 1, DEVELOPMENT),
    Case(
        _BUDGET,
        "in one zone",
        (resource(POOL, _pool(5, nodeLocations=["europe-west1-b"])),),
        stack=DEVELOPMENT,
    ),
    Case(
        _BUDGET,
        "in the zones of its cluster",
        (
            resource(CLUSTER, {"nodeLocations": ["europe-west1-b", "europe-west1-c"]}, name="cluster"),
            resource(POOL, _pool(5), uses={"cluster": "cluster"}),
        ),
        stack=DEVELOPMENT,
    ),
    Case(_BUDGET, "not known yet", (resource(GROUP, {"instanceTypes": UNKNOWN}),), stack=THREE),
    Case(_REGIONS, "another region", (resource(BUCKET, {"region": "us-east-1"}),), 1, IRELAND),
    Case(_REGIONS, "its provider's", (resource(BUCKET, provider={"region": "us-east-1"}),), 1, IRELAND),
    Case(_REGIONS, "this one", (resource(BUCKET, provider={"region": "eu-west-1"}),), stack=IRELAND),
    Case(_REGIONS, "a zone of it", (resource(GROUP, {"availabilityZone": "eu-west-1b"}),), stack=IRELAND),
    Case(_REGIONS, "not known yet", (resource(BUCKET, {"region": UNKNOWN}),), stack=IRELAND),
    Case(_REGIONS, "another location", (resource(CLUSTER, {"location": "us-central1-a"}),), 1, BELGIUM),
    Case(_REGIONS, "a zone of GCP's", (resource(CLUSTER, {"location": "europe-west1-b"}),), stack=BELGIUM),
    Case(
        _REGIONS,
        "a multi-region",
        (resource("gcp:storage/bucket:Bucket", {"location": "EU"}),),
        stack=BELGIUM,
    ),
    Case(_REGIONS, "nowhere", (resource("gcp:kms/keyRing:KeyRing", {"location": "global"}),), stack=BELGIUM),
    Case(_REGIONS, "a cluster's", (resource("kubernetes:core/v1:Secret", {"region": "x"}),), stack=IRELAND),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_nothing_is_elsewhere_or_beyond_the_budget(case: Case) -> None:
    assert len(case.messages()) == case.violations
