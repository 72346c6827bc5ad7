"""Gives pods identities: by Workload Identity a pod's service account takes on a Google service account."""

import pulumi
from pulumi_gcp import serviceaccount

from components.base import WorkloadIdentity
from providers.gcp.scope import Scope
from providers.kubernetes.identity import Binding

_ANNOTATION = "iam.gke.io/gcp-service-account"
_METADATA_SERVER = (("169.254.169.254/32", 80), ("169.254.169.252/32", 988))
"""Where pods ask for tokens, by its name and behind it, where policies may apply."""


class GoogleAccounts:
    """Binds identities, whose roles are emails of Google service accounts. `cluster` must exist first:
    it makes the pool that its pods are members of."""

    def __init__(self, scope: Scope, cluster: tuple[pulumi.Resource, ...]) -> None:
        self._scope = scope
        self._cluster = cluster

    def bind(
        self,
        service_account: str,
        namespace: str,
        identity: WorkloadIdentity,
        opts: pulumi.ResourceOptions,
    ) -> Binding:
        scope = self._scope
        bound = serviceaccount.IAMMember(
            f"{service_account}-identity",
            service_account_id=pulumi.Output.concat(
                f"projects/{scope.project}/serviceAccounts/", identity.role
            ),
            role="roles/iam.workloadIdentityUser",
            member=f"serviceAccount:{scope.workload_pool}[{namespace}/{service_account}]",
            opts=scope.options(opts.parent, self._cluster),
        )
        return Binding(
            annotations={_ANNOTATION: identity.role}, depends_on=(bound,), reaches=_METADATA_SERVER
        )
