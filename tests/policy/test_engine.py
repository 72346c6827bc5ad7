"""The pack under the real engine: programs of the typed SDKs, previewed against stand-ins."""

import pytest

from infra.previews.preview import Preview
from policy.pack.model import Rule
from policy.pack.rules import RULES
from tests.policy.conftest import Judge
from tests.policy.programs import VIOLATIONS
from tests.policy.violations import named

pytestmark = pytest.mark.e2e
REGIONS = {"policy": {"regions": ["eu-west-1", "europe-west1"]}}
SECRET = {"external": {"postgres": {"admin": {"username": "root", "password": "hunter2"}}}}


@pytest.fixture(scope="module")
def in_production(judge: Judge) -> Preview:
    return judge("violating", "production", **REGIONS, **SECRET)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_violating_stack_in_production_fails_and_names_the_rule(rule: Rule, in_production: Preview) -> None:
    assert in_production.code != 0
    assert rule.name in {violation.rule for violation in in_production.mandatory}
    assert f"[mandatory]  {rule.name}  (" in in_production.output


@pytest.mark.parametrize("where", VIOLATIONS)
def test_every_violating_resource_is_named_by_its_rule(where: str, in_production: Preview) -> None:
    wanted = {(name, rule) for name, rule, _ in named(where, VIOLATIONS[where])}
    said = {(violation.resource, violation.rule) for violation in in_production.mandatory}

    assert in_production.errors == ()
    assert wanted - said == set()


def test_violating_stack_in_development_fails_for_mandatory_rules_and_is_warned_of_others(
    judge: Judge,
) -> None:
    found = judge("violating", "small", **REGIONS, **SECRET)

    levels: dict[str, set[str]] = {}
    for violation in found.violations:
        levels.setdefault(violation.level, set()).add(violation.rule)
    assert found.code != 0
    assert levels["mandatory"] == {rule.name for rule in RULES if rule.development == "mandatory"}
    assert levels["advisory"] == {rule.name for rule in RULES if rule.development == "advisory"}


def test_compliant_stack_in_production_passes(judge: Judge) -> None:
    found = judge("compliant", "production", **REGIONS)

    assert found.errors == ()
    assert found.violations == ()
    assert found.code == 0
    assert len(found.resources) > 12
