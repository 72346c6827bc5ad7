"""Who may do what, and with which credentials."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.pack.model import Resource, Rule, Stack, get, items
from policy.pack.rules.containers import containers
from policy.pack.rules.documents import statements
from policy.pack.tokens import (
    AWS_ACCESS_KEY,
    AWS_GROUP_ATTACHMENT,
    AWS_GROUP_POLICY,
    AWS_POLICY,
    AWS_ROLE,
    AWS_ROLE_ATTACHMENT,
    AWS_ROLE_POLICY,
    AWS_USER_ATTACHMENT,
    AWS_USER_POLICY,
    GCP_PROJECT_BINDING,
    GCP_PROJECT_MEMBER,
    GCP_SERVICE_ACCOUNT_KEY,
    KUBERNETES_CLUSTER_ROLE,
    KUBERNETES_CONFIG_MAP,
    KUBERNETES_ROLE,
    KUBERNETES_SECRET,
    PULUMI_STACK,
)

_IDENTITY_POLICIES = (AWS_POLICY, AWS_ROLE_POLICY, AWS_USER_POLICY, AWS_GROUP_POLICY)
_ATTACHMENTS = (AWS_ROLE_ATTACHMENT, AWS_USER_ATTACHMENT, AWS_GROUP_ATTACHMENT)
_MANAGED = re.compile(r"^arn:[a-z-]+:iam::aws:policy/(AdministratorAccess|PowerUserAccess)$")
_PRIMITIVE_ROLES = ("roles/owner", "roles/editor")
_KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS")
_AWS_KEY = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b")
_GOOGLE_KEY = re.compile(r'"type":\s*"service_account"')


def no_wildcard_iam(resource: Resource, stack: Stack) -> Iterator[str]:
    documents: list[Any] = []
    if resource.type in _IDENTITY_POLICIES:
        documents = [resource.get("policy")]
    elif resource.type == AWS_ROLE:
        documents = [get(inline, "policy") for inline in resource.items("inlinePolicies")]
    for document in documents:
        for statement in statements(document):
            if statement.allows and statement.wildcard_actions and statement.on_everything:
                actions = ", ".join(statement.wildcard_actions)
                yield f"{resource.kind} allows {actions} on every resource: name the actions or the resources"
    if resource.type in _ATTACHMENTS and _MANAGED.match(str(resource.get("policyArn"))):
        yield f"{resource.kind} attaches {resource.get('policyArn')}: attach a policy of what it needs"
    in_project = resource.type in (GCP_PROJECT_MEMBER, GCP_PROJECT_BINDING)
    if in_project and (role := resource.get("role")) in _PRIMITIVE_ROLES:
        yield f"{resource.kind} grants {role} on the whole project: grant the roles that it needs"
    if resource.type in (KUBERNETES_CLUSTER_ROLE, KUBERNETES_ROLE):
        for rule in resource.items("rules"):
            if "*" in items(rule, "verbs") and "*" in items(rule, "resources"):
                yield f"{resource.kind} allows every verb on every resource: name them"


def no_static_cloud_keys(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type in (AWS_ACCESS_KEY, GCP_SERVICE_ACCOUNT_KEY):
        yield f"{resource.kind} is a static key: give the workload an identity of the cloud"
    for container in containers(resource):
        for variable in items(container, "env"):
            name, value = get(variable, "name"), str(get(variable, "value", ""))
            # On other clusters these are the names of the keys of a store of the user's own.
            if stack.cloud in ("aws", "gcp") and name in _KEY_VARIABLES:
                yield f"{resource.kind} has {name} in its environment: give it an identity of the cloud"
            elif _is_cloud_key(value):
                yield f"{resource.kind} has a cloud's key in {name}: give it an identity of the cloud"
    if resource.type in (KUBERNETES_CONFIG_MAP, KUBERNETES_SECRET):
        for key, text in _texts(resource):
            if _is_cloud_key(text):
                yield f"{resource.kind} has a cloud's key in {key}: give workloads an identity of the cloud"


def _is_cloud_key(text: str) -> bool:
    return bool(_AWS_KEY.search(text) or _GOOGLE_KEY.search(text))


def _texts(resource: Resource) -> Iterator[tuple[str, str]]:
    for name in ("data", "stringData", "binaryData"):
        content = resource.get(name)
        encoded = name == "binaryData" or (name == "data" and resource.type == KUBERNETES_SECRET)
        for key, value in content.items() if isinstance(content, Mapping) else ():
            if isinstance(value, str):
                yield key, _decoded(value) if encoded else value


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return text


def no_secret_in_plain_config(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type == PULUMI_STACK:
        for key in stack.plain_secrets:
            yield (
                f"{key} stands in the stack file in clear: renew it where it is from, then "
                f"`pulumi config set --secret --path '{key}'`"
            )


RULES = (
    Rule(
        "no-wildcard-iam",
        "No identity may do anything to everything.",
        resource=no_wildcard_iam,
    ),
    Rule(
        "no-static-cloud-keys",
        "Workloads have identities of the cloud, never its keys.",
        resource=no_static_cloud_keys,
    ),
    Rule(
        "no-secret-in-plain-config",
        "Secrets in the stack file are encrypted.",
        resource=no_secret_in_plain_config,
    ),
)
