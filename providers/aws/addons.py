"""Installs the cluster's add-ons: networking with enforced policies, identities, volumes, secrets and
metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_aws import eks

from providers.aws.iam import PODS, RoleArgs, Statement, role
from providers.aws.scope import Scope

_COMPONENT = "cluster"


class Addons:
    """EKS manages each add-on, at the version that it proposes for the cluster's version."""

    def __init__(
        self,
        name: str,
        cluster: eks.Cluster,
        key_arn: pulumi.Output[str],
        scope: Scope,
        parent: pulumi.Resource,
    ) -> None:
        self._name, self._cluster, self._key_arn = name, cluster, key_arn
        self._scope, self._parent = scope, parent
        self._identities: pulumi.Resource | None = None

    def before_nodes(self) -> list[pulumi.Resource]:
        """Installs the add-ons that a node needs to become ready."""
        agent = self._addon("eks-pod-identity-agent")
        self._identities = agent
        network = self._addon(
            "vpc-cni",
            {"enableNetworkPolicy": "true"},
            ("aws-node", ("AmazonEKS_CNI_Policy",), ()),
        )
        return [agent, network, self._addon("kube-proxy")]

    def after_nodes(self, nodes: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        """Installs the add-ons that run on nodes, and become active only there."""
        volumes = Statement(
            actions=("kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey"),
            resources=(self._key_arn,),
        )
        grants = Statement(actions=("kms:CreateGrant",), resources=(self._key_arn,))
        return [
            self._addon("coredns", depends_on=nodes),
            self._addon(
                "aws-ebs-csi-driver",
                identity=(
                    "ebs-csi-controller-sa",
                    ("service-role/AmazonEBSCSIDriverPolicy",),
                    (volumes, grants),
                ),
                depends_on=nodes,
            ),
            self._addon("aws-secrets-store-csi-driver-provider", depends_on=nodes),
            # What an autoscaler of pods looks at.
            self._addon("metrics-server", depends_on=nodes),
        ]

    def _addon(
        self,
        addon: str,
        configuration: Mapping[str, Any] | None = None,
        identity: tuple[str, Sequence[str], Sequence[Statement]] | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> eks.Addon:
        """Installs an add-on. `identity` has its service account, the AWS-managed policies of its role,
        and further policies."""
        name, scope = f"{self._name}-{addon}", self._scope
        associations: list[eks.AddonPodIdentityAssociationArgs] = []
        needed: list[pulumi.Resource] = [self._cluster, *depends_on]
        if identity is not None:
            account, managed, statements = identity
            acting, permissions = role(
                name,
                _COMPONENT,
                RoleArgs(
                    service=PODS,
                    description=f"The add-on {addon}",
                    managed=managed,
                    statements=statements,
                ),
                scope,
                self._parent,
            )
            associations.append(
                eks.AddonPodIdentityAssociationArgs(role_arn=acting.arn, service_account=account)
            )
            needed += [*permissions, *([self._identities] if self._identities else [])]
        return eks.Addon(
            name,
            cluster_name=scope.cluster,
            addon_name=addon,
            configuration_values=pulumi.Output.json_dumps(configuration) if configuration else None,
            pod_identity_associations=associations or None,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=scope.tags.of(_COMPONENT),
            opts=scope.options(self._parent, needed),
        )
