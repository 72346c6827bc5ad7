"""Rules for identities: who may do what, and with which credentials."""

import re
from collections.abc import Iterator, Mapping

from policy.pack.facts.actions import is_whole, is_wide
from policy.pack.facts.cluster_roles import widths
from policy.pack.facts.documents import Statement, documents
from policy.pack.facts.grants import grants, roles
from policy.pack.facts.secrets import CLOUD_KEY, texts_of
from policy.pack.model import Resource, Rule, Stack, dotted
from policy.pack.rules.buckets import is_of_a_store
from policy.pack.tokens import AWS_ACCESS_KEY, GCP_SERVICE_ACCOUNT_KEY

_MANAGED = re.compile(
    r"^arn:[a-z-]+:iam::aws:policy/(.*/)?(AdministratorAccess(-\w+)?|PowerUserAccess|\w+FullAccess\w*"
    r"|AWSKeyManagementServicePowerUser|DatabaseAdministrator|NetworkAdministrator|SecretsManagerReadWrite"
    r"|SystemAdministrator)$"
)
"""Policies of AWS's that allow all of a service, or of many, on everything."""
_WIDE_ROLES = frozenset(
    {
        *("roles/admin", "roles/editor", "roles/owner", "roles/writer"),
        *("roles/iam.securityAdmin", "roles/resourcemanager.folderIamAdmin"),
        *("roles/resourcemanager.organizationAdmin", "roles/resourcemanager.projectIamAdmin"),
    }
)
"""Roles of Google's that may do nearly everything, or give themselves the right to."""
_KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS")


def no_wildcard_iam(resource: Resource, stack: Stack) -> Iterator[str]:
    found, _ = documents(resource)
    for document in found:
        for statement in document.statements:
            if actions := _too_wide(statement):
                yield f"{resource.kind} allows {actions} on every resource: name the actions or the resources"
    for path, value in resource.nodes:
        limits = any("boundary" in str(key).lower() for key in path)
        if isinstance(value, str) and _MANAGED.match(value) and not limits:
            yield f"{resource.kind} attaches {value}: attach a policy of what it needs"
    for path, role in roles(resource):
        if isinstance(role, str) and role in _WIDE_ROLES:
            yield f"{resource.kind} grants {role} ({dotted(path)}): grant the roles that it needs"
    for width in widths(resource):
        yield f"{width.of.called(resource)} {width.what}"


def _too_wide(statement: Statement) -> str:
    """Returns the actions that an identity's statement allows on everything and could be allowed on less."""
    if not statement.allows or statement.of_a_resource:
        return ""
    if not (statement.on_everything or statement.on_all_of_a_type):
        return ""
    if statement.other_actions:
        return f"everything but {', '.join(statement.other_actions)}"
    is_too_wide = is_wide if statement.on_everything else is_whole
    return ", ".join(action for action in statement.actions if is_too_wide(action))


def no_public_grant(resource: Resource, stack: Stack) -> Iterator[str]:
    if is_of_a_store(resource):
        return
    found, _ = grants(resource)
    for grant in found:
        if not grant.trust:
            where = dotted(grant.path)
            yield (
                f"{resource.kind} grants {grant.to} something ({where}): name who needs it, or give a "
                "condition that does (aws:PrincipalOrgID, aws:SourceArn)"
            )


def no_public_trust(resource: Resource, stack: Stack) -> Iterator[str]:
    found, _ = grants(resource)
    for grant in found:
        if grant.trust:
            yield (
                f"{resource.kind} trusts {grant.to}: name the principals, or give a condition on "
                "who they are (sub)"
            )


def no_static_cloud_keys(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type in (AWS_ACCESS_KEY, GCP_SERVICE_ACCOUNT_KEY):
        yield f"{resource.kind} is a static key: give the workload an identity of the cloud"
    # On other clusters these are the names of the keys of a store of the user's own.
    if resource.package != "kubernetes" or stack.cloud in ("aws", "gcp"):
        for path, value in resource.nodes:
            named = value.get("name") if isinstance(value, Mapping) and len(path) > 1 else None
            name = named if path[-2:-1] in (("env",), ("envs",)) else path[-1] if path else None
            if name in _KEY_VARIABLES:
                yield f"{resource.kind} has {name} in {dotted(path)}: give it an identity of the cloud"
    for path, text in texts_of(resource):
        if CLOUD_KEY.search(text):
            yield f"{resource.kind} has a cloud's key in {dotted(path)}: give it an identity of the cloud"


RULES = (
    Rule("no-wildcard-iam", "No identity may do anything to everything.", resource=no_wildcard_iam),
    Rule("no-public-grant", "Nothing is granted to everybody.", resource=no_public_grant),
    Rule("no-public-trust", "No role may be assumed by everybody.", resource=no_public_trust),
    Rule(
        "no-static-cloud-keys",
        "Workloads have identities of the cloud, never its keys.",
        resource=no_static_cloud_keys,
    ),
)
