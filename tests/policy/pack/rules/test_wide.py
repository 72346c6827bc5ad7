"""Identities that may do more than they need: all of a type, and policies and roles of the clouds' own."""

import json

import pytest

from policy.pack.model import Resource
from tests.policy.pack.case import Case, ids, resource

_RULE = "no-wildcard-iam"
_ACCOUNT = "123456789012"


def _allowed(target: str, action: str = "iam:*", **more: object) -> tuple[Resource, ...]:
    statement = {"Effect": "Allow", "Action": action, "Resource": target, **more}
    return (resource("aws:iam/policy:Policy", {"policy": json.dumps({"Statement": [statement]})}),)


def _attached(name: str) -> tuple[Resource, ...]:
    arn = f"arn:aws:iam::aws:policy/{name}"
    return (resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"policyArn": arn}),)


def _given(role: str) -> tuple[Resource, ...]:
    return (resource("gcp:projects/iAMMember:IAMMember", {"role": role, "member": "user:a@b.example"}),)


_ROLES = f"arn:aws:iam::{_ACCOUNT}:role"
CASES = [
    Case(_RULE, "roles, without a slash", _allowed(f"{_ROLES}*"), 1),
    Case(_RULE, "what begins with r", _allowed(f"arn:aws:iam::{_ACCOUNT}:r*"), 1),
    Case(_RULE, "keys", _allowed("arn:aws:kms:*:*:key*", "kms:*"), 1),
    Case(_RULE, "keys, with a letter left out", _allowed("arn:aws:kms:*:*:k?y/*", "kms:*"), 1),
    Case(_RULE, "logs", _allowed("arn:aws:logs:*:*:log-group:*:*", "logs:*"), 1),
    Case(_RULE, "secrets", _allowed("arn:aws:secretsmanager:*:*:secret:*", "secretsmanager:*"), 1),
    Case(_RULE, "all services on roles", _allowed(f"{_ROLES}/*", "*:*"), 1),
    Case(_RULE, "all but some on roles", _allowed(f"{_ROLES}/*", Action=None, NotAction="s3:*"), 1),
    Case(_RULE, "roles of a path", _allowed(f"{_ROLES}/lake/*")),
    Case(_RULE, "a role", _allowed(f"{_ROLES}/lake-*")),
    Case(_RULE, "an action on roles", _allowed(f"{_ROLES}/*", "iam:GetRole")),
    Case(_RULE, "logs of one kind", _allowed("arn:aws:logs:*:*:log-group:/nebula/*", "logs:*")),
    Case(_RULE, "queues by their name", _allowed(f"arn:aws:sqs:eu-west-1:{_ACCOUNT}:lake-*", "sqs:*")),
    *(
        Case(_RULE, f"attached: {name}", _attached(name), 1)
        for name in (
            "AmazonS3FullAccess",
            "AmazonEC2FullAccess",
            "AWSLambda_FullAccess",
            "SecretsManagerReadWrite",
            "job-function/SystemAdministrator",
        )
    ),
    *(
        Case(_RULE, f"attached: {name}", _attached(name))
        for name in ("AmazonS3ReadOnlyAccess", "service-role/AmazonEBSCSIDriverPolicy", "ReadOnlyAccess")
    ),
    *(
        Case(_RULE, f"given: {role}", _given(role), 1)
        for role in ("roles/writer", "roles/iam.securityAdmin", "roles/resourcemanager.projectIamAdmin")
    ),
    *(Case(_RULE, f"given: {role}", _given(role)) for role in ("roles/reader", "roles/iam.roleViewer")),
    *(
        Case(_RULE, f"not to be scoped: {action}", _allowed("*", action))
        for action in ("xray:Put*", "ssmmessages:*", "ec2messages:*", "textract:Detect*")
    ),
    Case(_RULE, "to be scoped", _allowed("*", "ssm:*"), 1),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_no_identity_may_do_all_to_a_type(case: Case) -> None:
    assert len(case.messages()) == case.violations
