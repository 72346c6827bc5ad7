"""Writes IAM policy documents and roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pulumi
from pulumi_aws import iam

from providers.aws.scope import Scope
from providers.foreseen import NOT_YET_KNOWN, foreseen

Operator = Literal["StringEquals", "ArnLike", "Bool"]

PODS = "pods.eks.amazonaws.com"
"""EKS Pod Identity: what hands a role to a pod."""
_ARN = f"arn:aws:::{NOT_YET_KNOWN}"


@dataclass(frozen=True)
class Condition:
    """A condition of a statement. `key` is one that AWS defines, such as `aws:SecureTransport`."""

    operator: Operator
    key: str
    value: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Allows or denies actions on resources, to principals (in a resource's own policy) and under
    conditions.

    Raises ValueError for a statement that allows every action of a service on everything.
    """

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]] = ()
    effect: Literal["Allow", "Deny"] = "Allow"
    service: str | None = None
    everyone: bool = False
    conditions: Sequence[Condition] = ()

    def __post_init__(self) -> None:
        wild = [action for action in self.actions if action == "*" or action.endswith(":*")]
        if self.effect == "Allow" and wild and "*" in self.resources:
            raise ValueError(f"allows {', '.join(wild)} on *: name the actions, or the resources")

    def _plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"Effect": self.effect, "Action": list(self.actions)}
        if self.resources:
            plain["Resource"] = [foreseen(resource, _ARN) for resource in self.resources]
        if self.service is not None:
            plain["Principal"] = {"Service": self.service}
        if self.everyone:
            plain["Principal"] = "*"
        conditions: dict[str, dict[str, pulumi.Input[str]]] = {}
        for condition in self.conditions:
            value = foreseen(condition.value, NOT_YET_KNOWN)
            conditions.setdefault(condition.operator, {})[condition.key] = value
        return {**plain, "Condition": conditions} if conditions else plain

    @staticmethod
    def document(statements: Sequence["Statement"]) -> pulumi.Output[str]:
        """The policy as JSON."""
        plain = {"Version": "2012-10-17", "Statement": [statement._plain() for statement in statements]}
        return pulumi.Output.json_dumps(plain)


document = Statement.document


@dataclass(frozen=True, kw_only=True)
class RoleArgs:
    """The service `service` may take on the role. `managed` are names of AWS-managed policies."""

    service: str
    description: str
    statements: Sequence[Statement] = ()
    managed: Sequence[str] = ()
    conditions: Sequence[Condition] = ()


def role(
    name: str, component: str, args: RoleArgs, scope: Scope, parent: pulumi.Resource
) -> tuple[iam.Role, list[pulumi.Resource]]:
    """Creates the role; returns it and the resources that must exist before it can be used."""
    assume = ("sts:AssumeRole", "sts:TagSession") if args.service == PODS else ("sts:AssumeRole",)
    trust = Statement(actions=assume, service=args.service, conditions=args.conditions)
    opts = scope.options(parent)
    made = iam.Role(
        name,
        assume_role_policy=document([trust]),
        description=args.description,
        tags=scope.tags.of(component),
        opts=opts,
    )
    permissions: list[pulumi.Resource] = [
        iam.RolePolicyAttachment(
            f"{name}-{policy.rpartition('/')[2]}",
            role=made.name,
            policy_arn=scope.region.managed_policy(policy),
            opts=opts,
        )
        for policy in args.managed
    ]
    if args.statements:
        permissions.append(allow(name, made.name, args.statements, scope, parent))
    return made, permissions


def allow(
    name: str,
    role_name: pulumi.Input[str],
    statements: Sequence[Statement],
    scope: Scope,
    parent: pulumi.Resource,
) -> iam.RolePolicy:
    """Allows the role to do what the statements say, in a policy of its own."""
    return iam.RolePolicy(name, role=role_name, policy=document(statements), opts=scope.options(parent))


def use_of_key(key_arn: pulumi.Input[str], *, write: bool) -> Statement:
    """Returns the statement that lets a role decrypt and encrypt with the key."""
    actions = ("kms:Decrypt", "kms:GenerateDataKey") if write else ("kms:Decrypt",)
    return Statement(actions=actions, resources=(key_arn,))


Permissions = Mapping[str, Sequence[Statement]]
"""Statements by the name of a service."""
