"""Who may do what, and with which credentials."""

import base64
import json

import pytest

from policy.pack.model import UNKNOWN, Stack
from tests.policy.pack.case import Case, ids, pod, resource

POLICY, ROLE = "aws:iam/rolePolicy:RolePolicy", "aws:iam/role:Role"
SECRET, STACK = "kubernetes:core/v1:Secret", "pulumi:pulumi:Stack"
_WILDCARD, _STATIC, _PLAIN = "no-wildcard-iam", "no-static-cloud-keys", "no-secret-in-plain-config"
# In two parts: whole, it would be taken for a key of somebody's.
KEY = "AKIA" + "Q" * 16
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
MEMBER, CLUSTER_ROLE = (
    "gcp:projects/iAMMember:IAMMember",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
)


def _policy(action: object, target: object, **more: object) -> dict[str, object]:
    statement = {"Effect": "Allow", "Action": action, "Resource": target, **more}
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def _environment(name: str, value: str) -> dict[str, object]:
    return {"env": [{"name": name, "value": value}]}


CASES = [
    Case(_WILDCARD, "everything", (resource(POLICY, _policy("*", "*")),), 1),
    Case(_WILDCARD, "a whole service", (resource(POLICY, _policy(["s3:*"], ["arn:aws:s3:::*"])),), 1),
    Case(_WILDCARD, "all but one action", (resource(POLICY, _policy(None, "*", NotAction="iam:*")),), 1),
    Case(_WILDCARD, "in a role", (resource(ROLE, {"inlinePolicies": [_policy("ec2:*", "*")]}),), 1),
    Case(_WILDCARD, "named actions", (resource(POLICY, _policy(["ec2:DescribeInstances"], "*")),)),
    Case(_WILDCARD, "a named bucket", (resource(POLICY, _policy("s3:*", "arn:aws:s3:::lake/*")),)),
    Case(_WILDCARD, "a denial", (resource(POLICY, _policy("*", "*", Effect="Deny")),)),
    Case(_WILDCARD, "not known yet", (resource(POLICY, {"policy": UNKNOWN}),)),
    Case(
        _WILDCARD,
        "an administrator",
        (resource(ATTACHMENT, {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),),
        1,
    ),
    Case(
        _WILDCARD,
        "a policy of AWS's",
        (resource(ATTACHMENT, {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}),),
    ),
    Case(_WILDCARD, "a project's editor", (resource(MEMBER, {"role": "roles/editor"}),), 1),
    Case(_WILDCARD, "one role", (resource(MEMBER, {"role": "roles/storage.objectUser"}),)),
    Case(
        _WILDCARD,
        "a cluster's administrator",
        (resource(CLUSTER_ROLE, {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),),
        1,
    ),
    Case(
        _WILDCARD,
        "verbs on pods",
        (resource(CLUSTER_ROLE, {"rules": [{"resources": ["pods"], "verbs": ["*"]}]}),),
    ),
    Case(_STATIC, "a key of AWS", (resource("aws:iam/accessKey:AccessKey"),), 1),
    Case(_STATIC, "a key of GCP", (resource("gcp:serviceaccount/key:Key"),), 1),
    Case(_STATIC, "an account of GCP", (resource("gcp:serviceaccount/account:Account"),)),
    Case(_STATIC, "in the environment", (pod(_environment("AWS_ACCESS_KEY_ID", "given")),), 1),
    Case(
        _STATIC,
        "of a store that is no cloud's",
        (pod(_environment("AWS_ACCESS_KEY_ID", "minio")),),
        stack=Stack(cloud="kubernetes"),
    ),
    Case(_STATIC, "by its form", (pod(_environment("KEY", KEY)),), 1, stack=Stack(cloud="kubernetes")),
    Case(_STATIC, "no key", (pod(_environment("AWS_REGION", "eu-west-1")),)),
    Case(
        _STATIC,
        "in a Secret",
        (resource(SECRET, {"data": {"credentials": base64.b64encode(KEY.encode()).decode()}}),),
        1,
    ),
    Case(
        _STATIC, "in a file", (resource(SECRET, {"stringData": {"key": '{"type": "service_account"}'}}),), 1
    ),
    Case(_STATIC, "another secret", (resource(SECRET, {"stringData": {"password": "correct horse"}}),)),
    Case(
        _PLAIN,
        "in clear",
        (resource(STACK),),
        1,
        stack=Stack(plain_secrets=("nebula:platform.external.postgres.admin.password",)),
    ),
    Case(_PLAIN, "encrypted", (resource(STACK),)),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_nobody_may_do_everything_or_holds_a_key(case: Case) -> None:
    assert len(case.messages()) == case.violations
