"""The rules as a whole."""

import pathlib
import re
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest

from policy.pack.model import UNKNOWN, Path, Rule, Stack
from policy.pack.rules import RULES
from tests.policy.pack.case import Case
from tests.policy.pack.rules import (
    test_buckets,
    test_cluster_roles,
    test_cost,
    test_exposure,
    test_grants,
    test_identity,
    test_images,
    test_judgeable,
    test_lifecycle,
    test_pods,
    test_protection,
    test_proxies,
    test_readable,
    test_secrets,
    test_trusts,
    test_wide,
)

MODULES = (
    test_exposure,
    test_protection,
    test_proxies,
    test_readable,
    test_identity,
    test_grants,
    test_trusts,
    test_wide,
    test_cluster_roles,
    test_images,
    test_pods,
    test_lifecycle,
    test_cost,
    test_buckets,
    test_judgeable,
    test_secrets,
)
CASES: list[Case] = [case for module in MODULES for case in module.CASES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_a_passing_and_a_failing_case(rule: Rule) -> None:
    verdicts = {bool(case.violations) for case in CASES if case.rule == rule.name}
    assert verdicts == {True, False}


def test_every_case_is_of_a_rule() -> None:
    assert {case.rule for case in CASES} == {rule.name for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_mandatory_in_production(rule: Rule) -> None:
    assert rule.level(Stack(size="production")) == "mandatory"
    assert (rule.resource is None) != (rule.stack is None)
    assert re.fullmatch("[a-z-]+", rule.name)


def test_what_lets_others_in_is_mandatory_in_development_too() -> None:
    development = Stack(size="small")
    advisory = {rule.name for rule in RULES if rule.level(development) == "advisory"}
    assert advisory == {
        "bucket-encrypted",
        "encryption-at-rest",
        "images-pinned",
        "instance-budget",
        "judgeable",
        "no-unseen-resources",
        "requests-and-limits",
        "required-tags",
        "stateful-protected",
    }


def test_the_documentation_has_every_rule_with_its_level() -> None:
    text = (pathlib.Path(__file__).parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|.*\| (mandatory|advisory) \|$", text, re.MULTILINE))
    assert rows == {rule.name: rule.development for rule in RULES}


_ODD: tuple[object, ...] = (None, UNKNOWN, "{", 7, [], [UNKNOWN], {"a": None})


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.resource], ids=lambda rule: rule.name)
def test_no_rule_fails_over_a_value_of_another_kind(rule: Rule) -> None:
    """Whatever stands in the place of each value of each case: one of the odd ones after the other."""
    judge = rule.resource
    assert judge is not None
    places = [
        (given, path, case.stack)
        for case in CASES
        for given in case.resources
        for path, _ in given.nodes
        if path
    ]
    assert len(places) > 2000
    for (given, path, stack), odd in zip(places, cycle(_ODD), strict=False):
        changed = replace(given, properties=_with(given.properties, path, odd))
        assert all(isinstance(message, str) for message in judge(changed, stack))


def _with(node: Any, path: Path, value: object) -> Any:
    """`node` with `value` at `path`."""
    if not path:
        return value
    key, *rest = path
    if isinstance(node, list):
        return [_with(each, tuple(rest), value) if index == key else each for index, each in enumerate(node)]
    return {**node, key: _with(node[key], tuple(rest), value)}
