"""Proxies that take clear text only redirect."""

import pytest

from policy.pack.model import Resource
from tests.policy.pack.case import Case, ids, resource

_RULE = "no-clear-text-proxy"
PROXY, MAP = "gcp:compute/targetHttpProxy:TargetHttpProxy", "gcp:compute/uRLMap:URLMap"
_TO_TLS = {"defaultUrlRedirect": {"httpsRedirect": True, "stripQuery": False}}


def _with(**properties: object) -> tuple[Resource, Resource]:
    return resource(PROXY, name="proxy", uses={"urlMap": "map"}), resource(MAP, properties, name="map")


CASES = [
    Case(_RULE, "a proxy", (resource(PROXY, {"urlMap": "a"}),), 1),
    Case(_RULE, "a service", _with(defaultService="a"), 1),
    Case(_RULE, "a redirect", _with(**_TO_TLS)),
    Case(
        _RULE,
        "a redirect by its address",
        (resource(PROXY, {"urlMap": "a"}), resource(MAP, {"id": "a", **_TO_TLS})),
    ),
    Case(_RULE, "a redirect of clear text", _with(defaultUrlRedirect={"httpsRedirect": False}), 1),
    Case(_RULE, "a redirect beside paths", _with(**_TO_TLS, pathMatchers=[{"defaultService": "a"}]), 1),
    Case(_RULE, "another's redirect", (resource(PROXY, {"urlMap": "a"}), resource(MAP, _TO_TLS)), 1),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_a_proxy_without_tls_only_redirects(case: Case) -> None:
    assert len(case.messages()) == case.violations
