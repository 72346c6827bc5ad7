"""Runs the cluster: a private EKS with encryption keys, add-ons and nodes of the stack's own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_aws import cloudwatch, eks, vpc

from components.endpoints import NetworkEndpoint
from providers.aws.addons import Addons
from providers.aws.iam import RoleArgs, role
from providers.aws.keys import key
from providers.aws.nodes import Nodes
from providers.aws.scope import Scope
from providers.aws.storage import storage_class

_COMPONENT = "cluster"
_ADMIN = "AmazonEKSClusterAdminPolicy"
_PRIVATE = [IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
"""What is routed to a VPC by a VPN or a peering, never by the internet (RFC 1918, RFC 6598)."""


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """`api_access` are the networks from which `pulumi` and people reach the API server: private ones
    arrive through the VPC (VPN, peering), others at a public endpoint that is open to them alone.
    `admins` are ARNs of the roles that administer the cluster, the one that runs `pulumi` among them."""

    scope: Scope
    network: NetworkEndpoint
    version: str
    api_access: tuple[str, ...]
    admins: tuple[str, ...]
    parked: bool = False


class EksCluster(pulumi.ComponentResource):
    """An EKS cluster with access entries only, Secrets encrypted by the stack's key, and managed nodes."""

    name: str
    security_group: pulumi.Output[str]
    arn: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    provider: kubernetes.Provider
    storage_class: str
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:aws:Cluster", name, {}, opts)
        scope = args.scope
        self.name = scope.cluster
        self._logical, self._scope = name, scope
        encryption = key(_COMPONENT, "secrets of Kubernetes and volumes of its pods", scope, self)
        control_plane = self._control_plane(args, encryption.arn)
        self.arn = control_plane.arn
        self.security_group = control_plane.vpc_config.apply(
            lambda config: config.cluster_security_group_id or ""
        )
        certificate = control_plane.certificate_authority.apply(lambda authority: authority.data or "")
        self.kubeconfig = kubeconfig(self.name, scope, control_plane.endpoint, certificate)
        entries = self._access(args.admins, control_plane)
        reached = self._private_access(args.api_access)
        addons = Addons(f"{name}-addons", control_plane, encryption.arn, scope, self)
        nodes = Nodes(f"{name}-nodes", control_plane, args.network, scope, args.parked, self)
        before = addons.before_nodes()
        groups = nodes.groups([*before, *args.network.depends_on])
        after = addons.after_nodes(groups)
        self.provider = kubernetes.Provider(
            name,
            kubeconfig=self.kubeconfig,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*entries, *reached]),
        )
        storage = storage_class(encryption.arn, scope, self.provider, self, after)
        self.storage_class = storage.name
        self.ready = (*groups, *after, storage.resource)
        self.register_outputs({"name": self.name, "arn": self.arn})

    def _control_plane(self, args: ClusterArgs, key_arn: pulumi.Output[str]) -> eks.Cluster:
        scope, name = self._scope, self._logical
        tags = scope.tags.of(_COMPONENT, name=self.name)
        acting, permissions = role(
            f"{name}-control-plane",
            _COMPONENT,
            RoleArgs(
                service="eks.amazonaws.com",
                description="The control plane of an EKS cluster",
                managed=("AmazonEKSClusterPolicy",),
            ),
            scope,
            self,
        )
        # EKS would make it by itself, to keep for ever.
        logs = cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{self.name}/cluster",
            retention_in_days=scope.sizes.log_days,
            tags=tags,
            opts=scope.options(self),
        )
        public = [cidr for cidr in args.api_access if not _is_private(cidr)]
        return eks.Cluster(
            name,
            name=self.name,
            version=args.version,
            role_arn=acting.arn,
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=args.network.subnets,
                endpoint_private_access=True,
                endpoint_public_access=bool(public),
                public_access_cidrs=public or None,
            ),
            access_config=eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            encryption_config=eks.ClusterEncryptionConfigArgs(
                provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=key_arn), resources=["secrets"]
            ),
            enabled_cluster_log_types=["api", "audit", "authenticator"],
            bootstrap_self_managed_addons=False,
            deletion_protection=scope.protected,
            upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            tags=tags,
            opts=scope.options(self, [*permissions, logs], stateful=True),
        )

    def _access(self, admins: Sequence[str], control_plane: eks.Cluster) -> list[pulumi.Resource]:
        made: list[pulumi.Resource] = []
        for arn in admins:
            name = f"{self._logical}-{arn.rpartition('/')[2]}"
            entry = eks.AccessEntry(
                name,
                cluster_name=self.name,
                principal_arn=arn,
                tags=self._scope.tags.of(_COMPONENT),
                opts=self._scope.options(self, [control_plane]),
            )
            partition = self._scope.region.partition
            policy = eks.AccessPolicyAssociation(
                name,
                cluster_name=self.name,
                principal_arn=arn,
                policy_arn=f"arn:{partition}:eks::aws:cluster-access-policy/{_ADMIN}",
                access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                opts=self._scope.options(self, [entry]),
            )
            made += [entry, policy]
        return made

    def _private_access(self, api_access: Sequence[str]) -> list[pulumi.Resource]:
        return [
            vpc.SecurityGroupIngressRule(
                f"{self._logical}-api-{cidr}",
                security_group_id=self.security_group,
                description="The API server, from a connected network",
                cidr_ipv4=cidr,
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                tags=self._scope.tags.of(_COMPONENT),
                opts=self._scope.options(self),
            )
            for cidr in api_access
            if _is_private(cidr)
        ]


def _is_private(cidr: str) -> bool:
    return any(IPv4Network(cidr).subnet_of(private) for private in _PRIVATE)


def kubeconfig(
    cluster: str, scope: Scope, endpoint: pulumi.Output[str], certificate: pulumi.Output[str]
) -> pulumi.Output[str]:
    """A kubeconfig without a credential: who uses it asks AWS for a token, as whom it is logged in."""
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "aws",
            "args": ["--region", scope.region.name, "eks", "get-token", "--cluster-name", cluster],
            "interactiveMode": "Never",
        }
    }

    def render(known: Sequence[str]) -> str:
        server = {"server": known[0], "certificate-authority-data": known[1]}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": cluster, "cluster": server}],
                "users": [{"name": cluster, "user": user}],
                "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
                "current-context": cluster,
            }
        )

    return pulumi.Output.all(endpoint, certificate).apply(render)
