"""Ranges of addresses and manifests in texts that nobody can read are said to be unclear."""

import pytest

from policy.pack.model import Resource
from tests.policy.pack.case import Case, ids, resource

_RULE, GROUP = "judgeable", "aws:ec2/securityGroup:SecurityGroup"


def _map(text: str) -> Resource:
    return resource("kubernetes:core/v1:ConfigMap", {"data": {"pod.yaml": text}})


_ALIASES = "first: &first [a]\nspec:\n  containers:\n  - name: main\n    args: *first\n"
_SPOKEN = "Of these containers: each has {{ limits }}, and [none.\n"
_CIDR = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
RANGES = [
    Case(_RULE, "a range with a space", (resource(_CIDR, {"cidrIpv4": "0.0.0.0/0 "}),), 1),
    Case(_RULE, "a short range", (resource(GROUP, {"ingress": [{"cidrBlocks": ["0/0"]}]}),), 1),
    Case(
        _RULE,
        "a short range in a firewall",
        (
            resource(
                "gcp:compute/firewall:Firewall",
                {"allows": [{"protocol": "tcp"}], "sourceRanges": ["0/0"]},
            ),
        ),
        1,
    ),
    Case(_RULE, "a range that is one", (resource(_CIDR, {"cidrIpv4": "192.0.2.0/24"}),)),
]
TEXTS = [
    Case(_RULE, "a manifest with aliases", (_map(_ALIASES),), 1),
    Case(_RULE, "a manifest without", (_map(_ALIASES.replace("*first", "[a]")),)),
    Case(_RULE, "a manifest that is too deep", (_map(f"containers: {'[' * 200}{']' * 200}"),), 1),
    Case(_RULE, "a manifest that is too long", (_map(f"containers: [{' ' * 1024 * 1024}]"),), 1),
    Case(_RULE, "a manifest with templates", (_map("spec:\n  containers:\n  - {{ main }}: [\n"),), 1),
    Case(_RULE, "a sentence", (_map(_SPOKEN),)),
]
CASES = [*RANGES, *TEXTS]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_what_nobody_can_read_is_said(case: Case) -> None:
    assert len(case.messages()) == case.violations
    assert all("cannot be judged: " in message for message in case.messages())
