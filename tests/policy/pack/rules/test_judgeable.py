"""What the rules judge is known, and can be read."""

import json

import pytest

from policy.pack.model import UNKNOWN, Resource
from tests.policy.pack.case import Case, ids, pod, resource

_RULE = "judgeable"
ROLE, KEY = "aws:iam/rolePolicy:RolePolicy", "aws:kms/key:Key"
MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
GROUP, SERVICE = "aws:ec2/securityGroup:SecurityGroup", "kubernetes:core/v1:Service"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def _structured(statement: object) -> tuple[Resource, ...]:
    """A policy as a structure, with one statement."""
    return (resource(ROLE, {"policy": {"Statement": [statement]}}),)


def _written(policy: object) -> tuple[Resource, ...]:
    return (resource(ROLE, {"policy": policy}),)


_READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}
_ORGANISATION = {"StringEquals": {"aws:PrincipalOrgID": UNKNOWN}}
DOCUMENTS = [
    Case(_RULE, "a structure", _structured(_READS)),
    Case(_RULE, "a structure whose Sid is not known", _structured({**_READS, "Sid": UNKNOWN})),
    Case(_RULE, "an action", _structured({**_READS, "Action": UNKNOWN}), 1),
    Case(_RULE, "one of the actions", _structured({**_READS, "Action": ["s3:GetObject", UNKNOWN]}), 1),
    Case(_RULE, "a resource of a policy", _structured({**_READS, "Resource": UNKNOWN}), 1),
    Case(_RULE, "an effect", _structured({**_READS, "Effect": UNKNOWN}), 1),
    Case(_RULE, "a principal", _structured({**_READS, "Principal": UNKNOWN}), 1),
    Case(_RULE, "a principal in a mapping", _structured({**_READS, "Principal": {"AWS": [UNKNOWN]}}), 1),
    Case(
        _RULE,
        "a value of a condition",
        _structured({**_READS, "Principal": "*", "Condition": _ORGANISATION}),
        1,
    ),
    Case(_RULE, "a whole statement", _structured(UNKNOWN), 1),
    Case(_RULE, "statements", _written({"Statement": UNKNOWN}), 1),
    Case(_RULE, "inline policies", (resource("aws:iam/role:Role", {"inlinePolicies": UNKNOWN}),), 1),
    Case(_RULE, "one of them", (resource("aws:iam/role:Role", {"inlinePolicies": [UNKNOWN]}),), 1),
    Case(_RULE, "their names", (resource("aws:iam/role:Role", {"inlinePolicies": [{"name": UNKNOWN}]}),)),
    Case(_RULE, "no policy", _written(None)),
    Case(_RULE, "a policy in JSON", _written(json.dumps({"Statement": _READS}))),
    Case(_RULE, "an empty text", _written(""), 1),
    Case(_RULE, "a number", _written(5), 1),
    Case(_RULE, "an empty list", _written([]), 1),
    Case(_RULE, "an empty structure", _written({}), 1),
    Case(_RULE, "a number in JSON", _written("5"), 1),
    Case(_RULE, "an empty list in JSON", _written("[]"), 1),
    Case(_RULE, "JSON within JSON", _written(json.dumps(json.dumps({"Statement": _READS}))), 1),
    Case(_RULE, "statements by another name", _written({"statement": [_READS]}), 1),
    Case(
        _RULE,
        "an action by another name",
        _structured({"Effect": "Allow", "action": "*", "resource": "*"}),
        1,
    ),
    Case(_RULE, "a statement without action", _structured({"Effect": "Allow", "Resource": "*"}), 1),
    Case(_RULE, "all but an action", _structured({**_READS, "Action": None, "NotAction": "iam:*"})),
]
_ACL, _DATASET = "aws:s3/bucketAcl:BucketAcl", "gcp:bigquery/dataset:Dataset"
_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
_KEYED = {"defaultEncryptionConfiguration": {"kmsKeyName": "key"}}


def _acl(grantee: object) -> tuple[Resource, ...]:
    return (resource(_ACL, {"accessControlPolicy": {"grants": [{"grantee": grantee}]}}),)


GRANTEES = [
    Case(_RULE, "an ACL's grants", (resource(_ACL, {"accessControlPolicy": UNKNOWN}),), 1),
    Case(_RULE, "an ACL's grantee", _acl({"uri": UNKNOWN}), 1),
    Case(_RULE, "an ACL's grantee by id", _acl({"id": UNKNOWN})),
    Case(_RULE, "who may read a dataset", (resource(_DATASET, {**_KEYED, "accesses": UNKNOWN}),), 1),
    Case(_RULE, "one who may", (resource(_DATASET, {**_KEYED, "accesses": [{"iamMember": UNKNOWN}]}),), 1),
    Case(_RULE, "a user who may", (resource(_DATASET, {**_KEYED, "accesses": [{"userByEmail": UNKNOWN}]}),)),
    Case(_RULE, "a role of Google's", (resource(MEMBER, {"role": UNKNOWN}),), 1),
    Case(
        _RULE,
        "who calls a function",
        (resource("aws:lambda/permission:Permission", {"principal": UNKNOWN}),),
        1,
    ),
    Case(
        _RULE,
        "how a function's address asks",
        (resource("aws:lambda/functionUrl:FunctionUrl", {"authorizationType": UNKNOWN}),),
        1,
    ),
    Case(
        _RULE,
        "whether a service asks",
        (resource("gcp:cloudrunv2/service:Service", {"invokerIamDisabled": UNKNOWN}),),
        1,
    ),
    Case(
        _RULE,
        "whom a pool of identities takes",
        (
            resource(
                "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
                {"oidc": {"issuerUri": "https://id.example"}, "attributeCondition": UNKNOWN},
            ),
        ),
        1,
    ),
    Case(_RULE, "rules of a role", (resource(_ROLE, {"rules": UNKNOWN}),), 1),
    Case(_RULE, "verbs of a role", (resource(_ROLE, {"rules": [{"verbs": UNKNOWN}]}),), 1),
    Case(_RULE, "a resource of a role", (resource(_ROLE, {"rules": [{"resources": ["a", UNKNOWN]}]}),), 1),
    Case(_RULE, "what a role takes up", (resource(_ROLE, {"aggregationRule": UNKNOWN}),), 1),
    Case(_RULE, "API groups of a role", (resource(_ROLE, {"rules": [{"apiGroups": UNKNOWN}]}),)),
    Case(
        _RULE,
        "a role in a list",
        (resource(f"{_ROLE}List", {"items": [{"kind": "ClusterRole", "rules": UNKNOWN}]}),),
        1,
    ),
    Case(_RULE, "subjects", (resource(_BINDING, {"subjects": UNKNOWN}),), 1),
    Case(_RULE, "one of the subjects", (resource(_BINDING, {"subjects": [UNKNOWN]}),), 1),
    Case(_RULE, "a subject's name", (resource(_BINDING, {"subjects": [{"name": UNKNOWN}]}),), 1),
    Case(_RULE, "a subject's namespace", (resource(_BINDING, {"subjects": [{"namespace": UNKNOWN}]}),)),
    Case(_RULE, "a role that is bound", (resource(_BINDING, {"roleRef": UNKNOWN}),), 1),
    Case(_RULE, "its name", (resource(_BINDING, {"roleRef": {"name": UNKNOWN}}),), 1),
]
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
    *DOCUMENTS,
    *GRANTEES,
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_what_nobody_can_judge_is_said(case: Case) -> None:
    assert len(case.messages()) == case.violations
    assert all("cannot be judged: " in message for message in case.messages())
