"""Gives pods their identities: a service account without a token, unless the pod starts pods itself, and
in a cloud the one role that its links ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pulumi
from pulumi_kubernetes import core, rbac

from components.base import Program, Task, WorkloadIdentity
from providers.kubernetes.naming import Naming, dns_label


@dataclass(frozen=True, kw_only=True)
class Binding:
    """Binds a service account to a cloud's role. `annotations` are those of the account, `depends_on`
    must exist before a pod of it starts, and `reaches` is where its pods get their credentials (a
    CIDR and a port)."""

    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    depends_on: tuple[pulumi.Resource, ...] = ()
    reaches: tuple[tuple[str, int], ...] = ()


class Identities(Protocol):
    """Lets pods take on a cloud's roles without a key."""

    def bind(
        self,
        service_account: str,
        namespace: str,
        identity: WorkloadIdentity,
        opts: pulumi.ResourceOptions,
    ) -> Binding:
        """Lets the account take on the role. `opts` have the parent and no provider; the implementation
        adds its cloud's own. The account is created afterwards, with the annotations."""
        ...


def identity_of(program: Program) -> WorkloadIdentity | None:
    """Returns the role that the program's links ask for, or None. Raises ValueError if they ask for two."""
    found: dict[object, tuple[str, WorkloadIdentity]] = {}
    for link in program.links:
        auth = link.target.auth
        if isinstance(auth, WorkloadIdentity):
            key = auth.role if isinstance(auth.role, str) else id(auth.role)
            found.setdefault(key, (link.target.component, auth))
    if len(found) > 1:
        targets = " and ".join(component for component, _ in found.values())
        raise ValueError(
            f"{program.name} is to be one role to {targets}, and has another for each: a pod takes on one "
            "role, so grant what it needs of both to one"
        )
    return next((identity for _, identity in found.values()), None)


def service_account(
    program: Program, naming: Naming, identities: Identities | None, opts: pulumi.ResourceOptions
) -> tuple[core.v1.ServiceAccount, Binding]:
    """Creates the program's service account, bound to the program's role if it has one."""
    binding = _bound(program, naming, identities, pulumi.ResourceOptions(parent=opts.parent))
    account = core.v1.ServiceAccount(
        program.name,
        metadata=naming.metadata(program.name, binding.annotations),
        automount_service_account_token=False,
        opts=opts,
    )
    return account, binding


def _bound(
    program: Program, naming: Naming, identities: Identities | None, opts: pulumi.ResourceOptions
) -> Binding:
    identity = identity_of(program)
    if identity is None:
        return Binding()
    if identities is None:
        raise ValueError(
            f"{program.name} is to take on a role of a cloud, but its cluster has none: give "
            "its target a user and a password"
        )
    return identities.bind(dns_label(program.name), naming.namespace, identity, opts)


def permission_to_spawn(task: Task, naming: Naming, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    role = rbac.v1.Role(
        task.name,
        metadata=naming.metadata(task.name),
        rules=[
            rbac.v1.PolicyRuleArgs(
                api_groups=[""],
                resources=["pods", "configmaps"],
                verbs=["create", "get", "list", "watch", "delete", "deletecollection", "patch"],
            ),
            rbac.v1.PolicyRuleArgs(
                api_groups=[""],
                resources=["services", "persistentvolumeclaims"],
                verbs=["list", "delete", "deletecollection"],
            ),
        ],
        opts=opts,
    )
    binding = rbac.v1.RoleBinding(
        task.name,
        metadata=naming.metadata(task.name),
        role_ref=rbac.v1.RoleRefArgs(
            api_group="rbac.authorization.k8s.io", kind="Role", name=dns_label(task.name)
        ),
        subjects=[
            rbac.v1.SubjectArgs(kind="ServiceAccount", name=dns_label(task.name), namespace=naming.namespace)
        ],
        opts=opts,
    )
    return [role, binding]
