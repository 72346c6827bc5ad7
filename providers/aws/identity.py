"""Gives pods their roles by EKS Pod Identity, without a key and without a token of the API server."""

import pulumi
from pulumi_aws import eks

from components.base import WorkloadIdentity
from providers.aws.iam import PODS, Condition, RoleArgs, Statement, role
from providers.aws.scope import Scope
from providers.kubernetes.identity import Binding

_AGENT = ("169.254.170.23/32", 80)
"""Where the agent on each node hands out credentials."""


class PodIdentities:
    """The roles of one cluster's pods."""

    def __init__(self, scope: Scope, ready: tuple[pulumi.Resource, ...]) -> None:
        self._scope, self._ready = scope, ready

    def bind(
        self,
        service_account: str,
        namespace: str,
        identity: WorkloadIdentity,
        opts: pulumi.ResourceOptions,
    ) -> Binding:
        parent = opts.parent
        if parent is None:
            raise ValueError(f"{service_account}: an account belongs to a component, and has no parent")
        return Binding(
            depends_on=(self.associate(service_account, namespace, identity, parent),), reaches=(_AGENT,)
        )

    def associate(
        self, service_account: str, namespace: str, identity: WorkloadIdentity, parent: pulumi.Resource
    ) -> pulumi.Resource:
        """Binds the role to a service account. Pods start after this: a pod gets the role only at its
        start."""
        return eks.PodIdentityAssociation(
            service_account,
            cluster_name=self._scope.cluster,
            namespace=namespace,
            service_account=service_account,
            role_arn=identity.role,
            tags=self._scope.tags.of(service_account),
            opts=self._scope.options(parent, self._ready),
        )


def pod_role(
    name: str,
    component: str,
    description: str,
    statements: list[Statement],
    namespace: str,
    scope: Scope,
    parent: pulumi.Resource,
) -> tuple[WorkloadIdentity, list[pulumi.Resource]]:
    """Creates a role that only pods of the stack's namespace may take on."""
    made, permissions = role(
        name,
        component,
        RoleArgs(
            service=PODS,
            description=description,
            statements=statements,
            conditions=[
                Condition("StringEquals", "aws:RequestTag/eks-cluster-name", scope.cluster),
                Condition("StringEquals", "aws:RequestTag/kubernetes-namespace", namespace),
            ],
        ),
        scope,
        parent,
    )
    return WorkloadIdentity(made.arn), permissions
