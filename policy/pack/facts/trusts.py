"""Judges trusts in issuers of web identities: a condition must name whose identities may act as the role."""

import re

from policy.pack.facts.conditions import Condition
from policy.pack.facts.documents import Statement
from policy.pack.model import UNKNOWN, Resource
from policy.pack.tokens import GCP_POOL_PROVIDER

_CLUSTERS = re.compile(
    r"^(oidc\.eks\.[\w-]+\.(amazonaws\.com(\.cn)?|api\.aws)/id/\w+|container\.googleapis\.com/v1/projects/.+"
    r"|[\w-]+\.oic\.prod-aks\.azure\.com/.+)$"
)
"""Issuers of one cluster's own, which give an identity to nobody but its pods."""
_GITHUB = "token.actions.githubusercontent.com"
_COGNITO = "cognito-identity.amazonaws.com"
_BY_CLIENT = frozenset({"accounts.google.com", "graph.facebook.com", "www.amazon.com", _COGNITO})
"""Issuers whose audience is an application of somebody's; with any other a caller may choose it."""
_OWNERS = {
    _GITHUB: r"(repo|repository|repository_id|repository_owner|repository_owner_id|enterprise|enterprise_id)"
}
"""The words that a subject may begin with, where its owner can choose the rest."""
_NAME = r"[^*?$:/]+"
_LITERAL = re.compile(r"^[^*?$]+$")
_REPOSITORY = re.compile(rf"^{_NAME}/")
_GITHUB_IDS = ("repository_id", "repository_owner", "repository_owner_id", "enterprise_id")


def anybody_of(statement: Statement) -> str:
    """Returns the issuer whose identities may all act as the role; empty if conditions name some of them."""
    for kind, name in statement.principals:
        issuer = name.rpartition("oidc-provider/")[2]
        if kind != "Federated" or ":saml-provider/" in name or _CLUSTERS.match(issuer):
            continue
        if not _is_named(issuer, statement.conditions):
            return issuer
    return ""


def anybody_of_provider(resource: Resource) -> str:
    """Returns the issuer from which a Google identity pool takes every identity; empty if a condition
    names some."""
    issuer = resource.get("oidc.issuerUri") if resource.type == GCP_POOL_PROVIDER else None
    if not isinstance(issuer, str) or _CLUSTERS.match(issuer.removeprefix("https://")):
        return ""
    condition = resource.get("attributeCondition", "")
    return "" if condition is UNKNOWN or _CLAIM.search(str(condition)) else issuer


_CLAIM = re.compile(r"\b(assertion|attribute|google)\b")
"""What a condition of Google's asks about an identity."""


def _is_named(issuer: str, conditions: tuple[Condition, ...]) -> bool:
    """True if an identity of the issuer passes only if a claim of it names whose it is."""
    accepted = {"sub": _subjects(issuer)}
    if issuer in _BY_CLIENT:
        accepted |= dict.fromkeys(("aud", "app_id"), _LITERAL)
    if issuer.partition("/")[0] == _GITHUB:
        accepted |= {**dict.fromkeys(_GITHUB_IDS, _LITERAL), "repository": _REPOSITORY}
    if issuer == _COGNITO and not _has(conditions, issuer, "amr", re.compile("^authenticated$")):
        return False  # the audience is a pool, which gives identities to guests too
    return any(_has(conditions, issuer, claim, form) for claim, form in accepted.items())


def _has(conditions: tuple[Condition, ...], issuer: str, claim: str, form: re.Pattern[str]) -> bool:
    """True if a condition asks for the claim, and each of its values has the form."""
    return any(
        each.is_matching
        and each.key == f"{issuer}:{claim}".lower()
        and bool(each.values)
        and all(form.match(value) for value in each.values)
        for each in conditions
    )


def _subjects(issuer: str) -> re.Pattern[str]:
    """Subjects of one owner, such as `repo:acme/lake:*` or `org/0b5a/project/*`."""
    if owner := _OWNERS.get(issuer.partition("/")[0]):
        return re.compile(rf"^{owner}:{_NAME}([:/]|$)")
    return re.compile(rf"^([^*?$]+|[\w-]+[:/]{_NAME}([:/].*)?)$")
