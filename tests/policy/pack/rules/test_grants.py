"""What is granted to everybody: conditions on who calls, and denials that leave some."""

import json

import pytest

from policy.pack.model import UNKNOWN, Resource
from tests.policy.pack.case import Case, ids, resource

_GRANT = "no-public-grant"
_NOT_OF_THE_NETWORK = {"StringNotEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}


def _statement(effect: str, **more: object) -> dict[str, object]:
    return {"Effect": effect, "Principal": "*", "Action": "kms:*", "Resource": "*", **more}


def _key(*statements: dict[str, object]) -> tuple[Resource, ...]:
    return (resource("aws:kms/key:Key", {"policy": json.dumps({"Statement": list(statements)})}),)


def _less(**denied: object) -> tuple[Resource, ...]:
    """A key that is everybody's, less a denial of all but a network."""
    denial = {"Condition": _NOT_OF_THE_NETWORK, **denied}
    return _key(_statement("Allow"), _statement("Deny", **denial))


DENIALS = [
    Case(_GRANT, "less a denial of all but a network", _less()),
    Case(_GRANT, "less a denial of more than is granted", _less(Action=["sts:*", "*"])),
    Case(_GRANT, "less a denial of another action", _less(Action="kms:Decrypt"), 1),
    Case(_GRANT, "less a denial of actions of one letter", _less(Action="kms:?"), 1),
    Case(_GRANT, "less a denial with many stars", _less(Action="*a" * 40 + "b"), 1),
]
DENIALS += [
    Case(_GRANT, "less a denial of all but one resource", _less(Resource=None, NotResource="*"), 1),
    Case(
        _GRANT,
        "less a denial of all but a tag",
        _less(Condition={"StringNotEquals": {"aws:PrincipalTag/team": "a"}}),
        1,
    ),
]


def _where(key: str, value: object, violations: int = 0, operator: str = "StringLike") -> Case:
    """A key that is everybody's, on a condition."""
    return Case(
        _GRANT, f"{key} {value}", _key(_statement("Allow", Condition={operator: {key: value}})), violations
    )


def _function(**limits: object) -> tuple[Resource, ...]:
    return (resource("aws:lambda/permission:Permission", {"principal": "*", **limits}),)


CONDITIONS = [
    _where("aws:PrincipalAccount", "123456789012"),
    _where("aws:PrincipalAccount", "1*", 1),
    _where("aws:PrincipalAccount", "${aws:PrincipalAccount}", 1),
    _where("aws:PrincipalOrgID", ["o-a1b2", "o-c3d4"]),
    _where("aws:PrincipalOrgID", ["o-a1b2", "o-*"], 1),
    _where("aws:PrincipalOrgID", [], 1),
    _where("aws:PrincipalOrgPaths", "o-a1b2/r-ab/*", operator="ForAnyValue:StringLike"),
    _where("aws:PrincipalOrgPaths", "o-*/*", 1, operator="ForAnyValue:StringLike"),
    _where("aws:SourceVpc", "vpc-*", 1),
    _where("aws:SourceVpce", "vpce-0a1b2c3d"),
    _where("aws:SourceVpce", "vpce-*", 1),
    _where("aws:PrincipalArn", "arn:aws:iam::123456789012:role/*", operator="ArnLike"),
    _where("aws:PrincipalArn", "arn:aws:iam::1*:root", 1, operator="ArnLike"),
    _where("aws:SourceArn", "arn:aws:s3:::lake", operator="ArnLike"),
    _where("aws:SourceArn", "arn:aws:s3:::*-logs", 1, operator="ArnLike"),
    _where("aws:SourceArn", "arn:aws:sns:*:${aws:PrincipalAccount}:topic", 1, operator="ArnLike"),
    _where("aws:userid", "AROA0123456789ABCDEFG:*"),
    _where("aws:userid", "*:alice", 1),
    _where("aws:username", "alice", 1),
    _where("aws:PrincipalTag/team", "lake", 1),
    _where("aws:PrincipalServiceName", "ec2.amazonaws.com", 1),
    _where("aws:VpcSourceIp", "10.0.0.0/8", 1, operator="IpAddress"),
    _where("aws:SourceIp", "192.0.2.0/24", operator="IpAddress"),
    _where("aws:SourceIp", "0.0.0.0/0 ", 1, operator="IpAddress"),
    Case(_GRANT, "a function for an account", _function(sourceAccount="123456789012")),
    Case(_GRANT, "a function for a resource not known yet", _function(sourceArn=UNKNOWN)),
    Case(_GRANT, "a function for any resource", _function(sourceArn="*"), 1),
    Case(_GRANT, "a function for any bucket", _function(sourceArn="arn:aws:s3:::*"), 1),
]
_POOL = "aws:cognito/identityPool:IdentityPool"
FLAGS = [
    Case(_GRANT, "a pool with guests", (resource(_POOL, {"allowUnauthenticatedIdentities": True}),), 1),
    Case(_GRANT, "a pool without", (resource(_POOL, {"allowUnauthenticatedIdentities": False}),)),
]
CASES = [*DENIALS, *CONDITIONS, *FLAGS]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_a_grant_to_everybody_is_found(case: Case) -> None:
    assert len(case.messages()) == case.violations
