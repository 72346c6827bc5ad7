"""What is granted to everybody: conditions on who calls, and denials that leave some."""

import json

import pytest

from policy.pack.model import Resource
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
CASES = [*DENIALS]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_a_grant_to_everybody_is_found(case: Case) -> None:
    assert len(case.messages()) == case.violations
