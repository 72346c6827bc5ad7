"""Roles that whoever has an account with an issuer may act as."""

import json

import pytest

from policy.pack.model import Resource
from tests.policy.pack.case import Case, ids, resource

_RULE = "no-public-trust"
_GITHUB, _COGNITO = "token.actions.githubusercontent.com", "cognito-identity.amazonaws.com"
_EKS = "oidc.eks.eu-west-1.amazonaws.com/id/0A1B"


def _role(federated: object, condition: object) -> tuple[Resource, ...]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": federated},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    document = json.dumps({"Statement": [statement]})
    return (resource("aws:iam/role:Role", {"assumeRolePolicy": document}),)


def _trusted(issuer: str, operator: str = "StringLike", **claims: object) -> tuple[Resource, ...]:
    condition = {operator: {f"{issuer}:{claim}": values for claim, values in claims.items()}}
    return _role(f"arn:aws:iam::123456789012:oidc-provider/{issuer}", condition)


def _pool(kind: str) -> tuple[Resource, ...]:
    """A role of the identities of that kind in a pool of Cognito's."""
    condition = {
        "StringEquals": {f"{_COGNITO}:aud": "eu-west-1:0a1b"},
        "ForAnyValue:StringLike": {f"{_COGNITO}:amr": kind},
    }
    return _role(_COGNITO, condition)


def _provider(issuer: str, condition: object = None) -> tuple[Resource, ...]:
    """An issuer whose identities a pool of Google's takes."""
    return (
        resource(
            "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
            {"oidc": {"issuerUri": f"https://{issuer}"}, "attributeCondition": condition},
        ),
    )


CASES = [
    Case(_RULE, "a pool of everybody at GitHub", _provider(_GITHUB), 1),
    Case(_RULE, "a pool on a condition that says nothing", _provider(_GITHUB, "true"), 1),
    Case(_RULE, "a pool of an owner", _provider(_GITHUB, "assertion.repository_owner_id == '1'")),
    Case(
        _RULE,
        "a pool of a cluster",
        _provider("container.googleapis.com/v1/projects/a/locations/b/clusters/c"),
    ),
    *(
        Case(_RULE, f"subjects of one owner: {sub}", _trusted(_GITHUB, sub=sub))
        for sub in (
            "repo:us/lake:*",
            "repo:us/*",
            "repo:us/lake:ref:refs/heads/main",
            "repository_owner_id:1:*",
            ["repo:us/lake:*", "repo:us/sea:*"],
        )
    ),
    *(
        Case(_RULE, f"subjects of many: {sub}", _trusted(_GITHUB, sub=sub), 1)
        for sub in (
            "*",
            "repo:*",
            "repo*",
            "repo:*/lake:*",
            "repo:*:ref:refs/heads/main",
            "*:ref:refs/heads/main",
            "repo:acme*:*",
            "repo:a?me/lake:*",
            "repo:${aws:username}/lake:*",
            "environment:production",
            ["repo:us/lake:*", "*"],
            [],
        )
    ),
    Case(_RULE, "a claim that is there", _trusted(_GITHUB, "Null", sub="false"), 1),
    Case(_RULE, "a claim of all values", _trusted(_GITHUB, "ForAllValues:StringLike", sub="repo:us/a:*"), 1),
    Case(_RULE, "a claim where it is", _trusted(_GITHUB, "StringLikeIfExists", sub="repo:us/a:*"), 1),
    Case(_RULE, "a repository by its id", _trusted(_GITHUB, "StringEquals", repository_id="1")),
    Case(_RULE, "an owner by its id", _trusted(_GITHUB, "StringEquals", repository_owner_id="1")),
    Case(_RULE, "owners by their ids", _trusted(_GITHUB, repository_owner_id=["1", "*"]), 1),
    Case(_RULE, "repositories of one owner", _trusted(_GITHUB, repository="us/*")),
    Case(_RULE, "repositories of many", _trusted(_GITHUB, repository="*/lake"), 1),
    Case(_RULE, "a workflow that others call", _trusted(_GITHUB, job_workflow_ref="us/a/.github/b@c"), 1),
    Case(_RULE, "an audience that a caller chooses", _trusted("agent.buildkite.com", aud="sts"), 1),
    Case(_RULE, "an issuer nobody knows", _trusted("id.example/realms/a", aud="sts"), 1),
    Case(_RULE, "one of an issuer nobody knows", _trusted("id.example/realms/a", sub="0a1b-2c3d")),
    Case(_RULE, "an organisation's pipelines", _trusted("agent.buildkite.com", sub="organization:us:*")),
    Case(_RULE, "an enterprise's issuer", _trusted(f"{_GITHUB}/us", aud="sts"), 1),
    Case(_RULE, "an application of Google's", _trusted("accounts.google.com", aud="0a1b")),
    Case(_RULE, "applications of Google's", _trusted("accounts.google.com", aud="*"), 1),
    Case(_RULE, "a cluster's pods", _trusted(_EKS, aud="sts.amazonaws.com")),
    Case(
        _RULE,
        "a company's own sign-on",
        _role("arn:aws:iam::123456789012:saml-provider/us", {"StringEquals": {"SAML:aud": "a"}}),
    ),
    Case(_RULE, "who has signed in", _pool("authenticated")),
    Case(_RULE, "guests", _pool("unauthenticated"), 1),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_a_role_trusts_named_identities_of_an_issuer(case: Case) -> None:
    assert len(case.messages()) == case.violations
