"""What the rules are shown, and what is not known of it."""

import pytest

from policy.pack.model import UNKNOWN, Path, unclear

_RULES = {"ingress": [{"cidrBlocks": ["10.0.0.0/8", UNKNOWN], "description": UNKNOWN}, UNKNOWN]}


@pytest.mark.parametrize(
    ("properties", "path", "found"),
    [
        ({"ingress": UNKNOWN}, "ingress.cidrBlocks", [("ingress",)]),
        (_RULES, "ingress.cidrBlocks", [("ingress", 0, "cidrBlocks", 1), ("ingress", 1)]),
        ({"policy": {"Statement": {"Action": UNKNOWN}}}, "policy", [("policy", "Statement", "Action")]),
        ({"a": {"x": {"name": UNKNOWN}, "y": {"name": "y"}}}, "a.*.name", [("a", "x", "name")]),
        ({"a": {"b": UNKNOWN}}, "", [("a", "b")]),
        (UNKNOWN, "a", [()]),
        ({"ingress": [{"cidrBlocks": ["10.0.0.0/8"], "description": UNKNOWN}]}, "ingress.cidrBlocks", []),
        ({"vpcId": UNKNOWN}, "ingress", []),
    ],
)
def test_what_is_unknown_above_and_below_a_property_is_found(
    properties: object, path: str, found: list[Path]
) -> None:
    assert [each.path for each in unclear(properties, path)] == found


def test_a_parent_of_many_properties_is_found_once() -> None:
    assert [each.path for each in unclear({"spec": UNKNOWN}, "spec.a", "spec.b", at=("items", 0))] == [
        ("items", 0, "spec")
    ]
