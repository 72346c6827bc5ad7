"""Finds grants to everybody, in policy documents, members, bindings, ACLs, permissions and role bindings."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from policy.pack.facts.cluster_roles import binds
from policy.pack.facts.conditions import names_somebody
from policy.pack.facts.documents import Document, Statement, documents
from policy.pack.facts.patterns import covers, wildcard
from policy.pack.facts.trusts import anybody_of, anybody_of_provider
from policy.pack.model import UNKNOWN, Path, Resource, Unclear, get, items, nodes, unclear
from policy.pack.tokens import AWS_IMAGE_PERMISSION, AWS_PUBLIC_REPOSITORY, GCP_MEMBER_REMOVAL, GRANTEES

_EVERYBODY = re.compile(
    r"^(.*:)?(allUsers|allAuthenticatedUsers)$"
    r"|^https?://acs\.amazonaws\.com/groups/(global/AllUsers|global/AuthenticatedUsers)$"
)
"""What means everybody wherever it stands."""
_PUBLIC_ACLS = re.compile(r"^(public-?read(-?write)?|authenticated-?read)$", re.IGNORECASE)
_ACLS = frozenset({"acl", "cannedAcl", "defaultAcl", "objectAcl", "predefinedAcl", "s3ObjectAcl"})
_PRINCIPALS = frozenset({"allowedPrincipals", "granteePrincipal", "principal", "principalArn", "principals"})
_LIMITS = {
    "sourceArn": "aws:sourcearn",
    "sourceAccount": "aws:sourceaccount",
    "principalOrgId": "aws:principalorgid",
    "organizationId": "aws:principalorgid",
    "condition.value": "aws:principalorgid",
}
"""What names the caller beside a principal that is everybody, and the key of IAM's that it stands for."""
_IAM_TYPE = re.compile(r"iam(member|binding|policy)$", re.IGNORECASE)
_ANY_SUBJECT = (
    "system:anonymous",
    "system:unauthenticated",
    "system:authenticated",
    "system:serviceaccounts",
)


@dataclass(frozen=True)
class Grant:
    """A grant to everybody, called `to` in messages. A `trust` lets everybody act as a role."""

    path: Path
    to: str
    trust: bool = False


def grants(resource: Resource) -> tuple[list[Grant], list[Unclear]]:
    """Returns the resource's grants to everybody, and the properties whose grantees are unknown."""
    read, unread = documents(resource)
    found = [grant for document in read for grant in _by_document(document)]
    if resource.package in ("aws", "gcp") and resource.type != GCP_MEMBER_REMOVAL:
        found += _by_value(resource)
        unread += unclear(resource.properties, *GRANTEES.get(resource.type, ()))
        for path, value in resource.nodes:
            if value is UNKNOWN and path and _names_a_grantee(resource, path):
                unread.append(Unclear(path))
    if resource.type == AWS_PUBLIC_REPOSITORY:
        found.append(Grant((), "everybody"))
    if issuer := anybody_of_provider(resource):
        found.append(Grant(("attributeCondition",), f"whoever has an account with {issuer}", trust=True))
    if resource.package == "gcp":
        found += _by_policy_data(resource, unread)
    for name in ("allowUnauthenticatedIdentities", "invokerIamDisabled"):
        if str(resource.get(name)).lower() == "true":
            found.append(Grant((name,), "whoever asks"))
    found += [Grant(path, name) for path, name in binds(resource) if name in _ANY_SUBJECT]
    return found, unread


def _names_a_grantee(resource: Resource, path: Path) -> bool:
    keys = [key for key in path if isinstance(key, str)]
    if keys[-1] in _ACLS:
        return True
    return bool(_IAM_TYPE.search(resource.type)) and keys[-1] in ("member", "members", "policyData", "role")


def _by_document(document: Document) -> Iterator[Grant]:
    for statement in document.statements:
        if not statement.allows or not statement.of_a_resource:
            continue
        trust = any(action.lower().startswith("sts:") for action in statement.actions)
        trust = trust or document.path[-1:] == ("assumeRolePolicy",)
        if _is_for_everybody(statement) and not any(
            _leaves_some(each, statement) for each in document.statements
        ):
            yield Grant(document.path, "everybody", trust)
        elif trust and (issuer := anybody_of(statement)):
            yield Grant(document.path, f"whoever has an account with {issuer}", trust)


def _is_for_everybody(statement: Statement) -> bool:
    return statement.names_everybody and not any(each.names_callers for each in statement.conditions)


def _leaves_some(denial: Statement, granted: Statement) -> bool:
    """True if `denial` takes what is `granted` from all but named callers."""
    if denial.allows or not (denial.reaches_everybody and denial.conditions):
        return False
    if denial.other_principals or denial.other_resources:
        return False
    return all(each.excludes_all_but_some for each in denial.conditions) and _covers(denial, granted)


def _covers(denial: Statement, granted: Statement) -> bool:
    actions = granted.actions or ("*",)
    resources = granted.resources or ("*",)
    return all(any(covers(by.lower(), each.lower()) for by in denial.actions) for each in actions) and all(
        any(covers(by, each) for by in denial.resources or ("*",)) for each in resources
    )


def _by_value(resource: Resource) -> Iterator[Grant]:
    for path, value in resource.nodes:
        if not path or not isinstance(value, str):
            continue
        keys = [key for key in path if isinstance(key, str)]
        if _EVERYBODY.match(value) or (keys[-1] in _ACLS and _PUBLIC_ACLS.match(value)):
            yield Grant(path, value)
        elif keys[-1] in _PRINCIPALS and not wildcard(value).strip("*") and value:
            if not _is_limited(resource):
                yield Grant(path, "everybody")
        elif (keys[-1], value.lower()) in _OPEN or (
            resource.type == AWS_IMAGE_PERMISSION and path == ("group",) and value == "all"
        ):
            yield Grant(path, "everybody")


def _is_limited(resource: Resource) -> bool:
    """True if another property names who calls; an ARN of the stack's own may be unknown."""
    for name, key in _LIMITS.items():
        value = resource.get(name)
        if value is UNKNOWN or (isinstance(value, str) and names_somebody(key, value)):
            return True
    return False


_OPEN = frozenset(
    {("authorizationType", "none"), ("userGroups", "all"), ("accountIds", "all"), ("sharedAccounts", "all")}
)
"""Other properties by which something is everybody's: a function's URL, an image, a document."""


def _by_policy_data(resource: Resource, unread: list[Unclear]) -> Iterator[Grant]:
    """Returns the grants in a Google policy, which is JSON in a text."""
    text = resource.get("policyData")
    if not isinstance(text, str) or not text:
        return
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        unread.append(Unclear(("policyData",), f"is no JSON ({error}): write it with json.dumps"))
        return
    for path, value in nodes(content, ("policyData",)):
        if isinstance(value, str) and _EVERYBODY.match(value):
            yield Grant(path, value)


def roles(resource: Resource) -> Iterator[tuple[Path, Any]]:
    """Returns the Google roles that the resource grants, in members and in policies."""
    if resource.package != "gcp":
        return
    if (role := resource.get("role")) is not None:
        yield ("role",), role
    text = resource.get("policyData")
    try:
        content = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return
    for binding in items(content, "bindings"):
        yield ("policyData", "bindings"), get(binding, "role")
