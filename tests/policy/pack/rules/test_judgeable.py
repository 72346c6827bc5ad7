"""What the rules judge is known, and can be read."""

import pytest

from policy.pack.model import UNKNOWN
from tests.policy.pack.case import Case, ids, pod, resource

_RULE = "judgeable"
ROLE, KEY = "aws:iam/rolePolicy:RolePolicy", "aws:kms/key:Key"
MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
GROUP, SERVICE = "aws:ec2/securityGroup:SecurityGroup", "kubernetes:core/v1:Service"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"

CASES = [
    Case(_RULE, "a policy", (resource(ROLE, {"policy": UNKNOWN}),), 1),
    Case(_RULE, "no JSON", (resource(ROLE, {"policy": "{Statement: everything}"}),), 1),
    Case(_RULE, "JSON that ends too soon", (resource(KEY, {"policy": '{"Statement": ['}),), 1),
    Case(_RULE, "a statement without effect", (resource(KEY, {"policy": '{"Statement": [{}]}'}),), 1),
    Case(_RULE, "a statement that is none", (resource(KEY, {"policy": '{"Statement": "all"}'}),), 1),
    Case(_RULE, "a trust", (resource("aws:iam/role:Role", {"assumeRolePolicy": UNKNOWN}),), 1),
    Case(
        _RULE,
        "an inline policy",
        (resource("aws:iam/role:Role", {"inlinePolicies": [{"policy": UNKNOWN}]}),),
        1,
    ),
    Case(_RULE, "a member", (resource(MEMBER, {"member": UNKNOWN}),), 1),
    Case(_RULE, "one of the members", (resource(MEMBER, {"members": ["user:a@b.example", UNKNOWN]}),), 1),
    Case(
        _RULE,
        "a policy of Google's",
        (resource("gcp:kms/keyRingIAMPolicy:KeyRingIAMPolicy", {"policyData": "{"}),),
        1,
    ),
    Case(_RULE, "an ACL", (resource("aws:s3/bucketAcl:BucketAcl", {"acl": UNKNOWN}),), 1),
    Case(_RULE, "a range", (resource(GROUP, {"ingress": [{"cidrBlocks": [UNKNOWN]}]}),), 1),
    Case(
        _RULE,
        "ranges",
        (resource("aws:eks/cluster:Cluster", {"vpcConfig": {"publicAccessCidrs": UNKNOWN}}),),
        1,
    ),
    Case(_RULE, "a service's type", (resource(SERVICE, {"spec": {"type": UNKNOWN}}),), 1),
    Case(_RULE, "pods", (resource(DEPLOYMENT, {"spec": {"template": UNKNOWN}}),), 1),
    Case(
        _RULE,
        "containers",
        (resource(DEPLOYMENT, {"spec": {"template": {"spec": {"containers": UNKNOWN}}}}),),
        1,
    ),
    Case(_RULE, "a context", (pod({"securityContext": {"allowPrivilegeEscalation": UNKNOWN}}),), 1),
    Case(_RULE, "an image", (pod({"image": UNKNOWN}),), 1),
    Case(_RULE, "a flag", (resource("aws:rds/instance:Instance", {"storageEncrypted": UNKNOWN}),), 1),
    Case(_RULE, "a key twice", (resource(KEY, {"policy": '{"Statement": [], "Statement": []}'}),), 1),
    Case(_RULE, "no statement", (resource(KEY, {"policy": '{"statement": []}'}),), 1),
    Case(_RULE, "a volume", (pod(volumes=[UNKNOWN]),), 1),
    Case(_RULE, "what has only an id unknown", (resource(GROUP, {"vpcId": UNKNOWN, "ingress": []}),)),
    Case(
        _RULE,
        "a policy of another kind",
        (resource("aws:ecr/lifecyclePolicy:LifecyclePolicy", {"policy": UNKNOWN}),),
    ),
    Case(_RULE, "a whole pod", (pod(),)),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_what_nobody_can_judge_is_said(case: Case) -> None:
    assert len(case.messages()) == case.violations
    assert all("cannot be judged: " in message for message in case.messages())
