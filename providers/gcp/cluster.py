"""Runs the cluster: a private GKE that enforces network policies."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

import pulumi
from pulumi_gcp import container, serviceaccount

from components.endpoints import NetworkEndpoint
from providers.gcp.keys import Key
from providers.gcp.network import PODS, SERVICES
from providers.gcp.nodes import PoolArgs, first_nodes, node_account, node_pool
from providers.gcp.registry import Registry
from providers.gcp.scope import Scope

Channel = Literal["rapid", "regular", "stable", "extended"]

_PRIVATE = [IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
_MAINTENANCE = container.ClusterMaintenancePolicyArgs
_WINDOW = container.ClusterMaintenancePolicyRecurringWindowArgs


@dataclass(frozen=True, kw_only=True)
class GkeArgs:
    """`api_access` are the networks from which `pulumi` and people reach the API server, which has an
    address on the internet only if one of them is there. `control_plane` is a /28 of its own. The
    `zones` of the nodes are the region's own choice if none are given. A `parked` cluster has no nodes."""

    scope: Scope
    network: NetworkEndpoint
    control_plane: IPv4Network
    api_access: tuple[IPv4Network, ...]
    zones: tuple[str, ...]
    channel: Channel
    autopilot: bool
    parked: bool
    secrets_key: Key
    disks_key: Key
    registry: Registry | None


class GkeCluster(pulumi.ComponentResource):
    """A regional cluster of private nodes. Its Secrets are encrypted with a key of the stack, its pods
    have identities of their own, and Secret Manager's add-on mounts secrets into them."""

    kubeconfig: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: GkeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:gcp:Cluster", name, {}, opts)
        self._args = args
        account = node_account(name, args.scope, self)
        needed: list[pulumi.Resource] = [
            *args.network.depends_on,
            *args.secrets_key.granted,
            *args.disks_key.granted,
        ]
        if args.registry is not None:
            needed.append(args.registry.admit("nodes", args.scope.member(account.member)))
        cluster = self._cluster(name, account, needed)
        self.ready = (cluster, *self._pools(name, cluster, account))
        self.kubeconfig = kubeconfig(cluster)
        self.register_outputs({"endpoint": cluster.endpoint})

    def _cluster(
        self, name: str, account: serviceaccount.Account, needed: Sequence[pulumi.Resource]
    ) -> container.Cluster:
        args, scope = self._args, self._args.scope
        standard = not args.autopilot
        return container.Cluster(
            name,
            location=scope.region,
            node_locations=list(args.zones) or None,
            release_channel=container.ClusterReleaseChannelArgs(channel=args.channel.upper()),
            network=args.network.id,
            subnetwork=args.network.subnets[0],
            networking_mode="VPC_NATIVE",
            ip_allocation_policy=container.ClusterIpAllocationPolicyArgs(
                cluster_secondary_range_name=PODS, services_secondary_range_name=SERVICES
            ),
            private_cluster_config=container.ClusterPrivateClusterConfigArgs(
                enable_private_nodes=True,
                enable_private_endpoint=all(_is_inside(each) for each in args.api_access),
                master_ipv4_cidr_block=str(args.control_plane),
                master_global_access_config=container.ClusterPrivateClusterConfigMasterGlobalAccessConfigArgs(
                    enabled=True
                ),
            ),
            master_authorized_networks_config=container.ClusterMasterAuthorizedNetworksConfigArgs(
                cidr_blocks=[
                    container.ClusterMasterAuthorizedNetworksConfigCidrBlockArgs(cidr_block=str(each))
                    for each in args.api_access
                ],
                gcp_public_cidrs_access_enabled=False,
            ),
            database_encryption=container.ClusterDatabaseEncryptionArgs(
                state="ENCRYPTED", key_name=args.secrets_key.name
            ),
            secret_manager_config=container.ClusterSecretManagerConfigArgs(enabled=True),
            gateway_api_config=container.ClusterGatewayApiConfigArgs(channel="CHANNEL_STANDARD"),
            # Four hours of nights at the weekend, UTC, from any past day on.
            maintenance_policy=_MAINTENANCE(
                recurring_window=_WINDOW(
                    start_time="2026-01-03T01:00:00Z",
                    end_time="2026-01-03T05:00:00Z",
                    recurrence="FREQ=WEEKLY;BYDAY=SA,SU",
                )
            ),
            enable_autopilot=None if standard else True,
            cluster_autoscaling=None if standard else _autopilot_nodes(account, args.disks_key),
            # Autopilot has what follows, and no say in it.
            datapath_provider="ADVANCED_DATAPATH" if standard else None,
            enable_shielded_nodes=True if standard else None,
            workload_identity_config=container.ClusterWorkloadIdentityConfigArgs(
                workload_pool=scope.workload_pool
            )
            if standard
            else None,
            # A cluster is made with a pool, which gives way to those below.
            remove_default_node_pool=True if standard else None,
            initial_node_count=1 if standard else None,
            node_config=first_nodes(account, args.disks_key, scope) if standard else None,
            resource_labels=scope.labels.of(name),
            # The provider's own guard stands in the state alone, where Pulumi's does already.
            deletion_protection=False,
            opts=pulumi.ResourceOptions.merge(
                scope.options(self, needed, stateful=True),
                pulumi.ResourceOptions(ignore_changes=["nodeConfig", "initialNodeCount"]),
            ),
        )

    def _pools(
        self, name: str, cluster: container.Cluster, account: serviceaccount.Account
    ) -> list[pulumi.Resource]:
        args, sizes = self._args, self._args.scope.sizes
        if args.autopilot:
            return []
        common = PoolArgs(
            scope=args.scope,
            cluster=cluster,
            account=account,
            disks=args.disks_key,
            zones=args.zones,
            parked=args.parked,
        )
        pools: list[pulumi.Resource] = [node_pool(name, "servers", sizes.servers, common, self)]
        if sizes.workers is not None:
            pools.append(node_pool(name, "workers", sizes.workers, common, self))
        return pools


def _is_inside(network: IPv4Network) -> bool:
    return any(network.subnet_of(private) for private in _PRIVATE)


def _autopilot_nodes(account: serviceaccount.Account, disks: Key) -> container.ClusterClusterAutoscalingArgs:
    return container.ClusterClusterAutoscalingArgs(
        auto_provisioning_defaults=container.ClusterClusterAutoscalingAutoProvisioningDefaultsArgs(
            service_account=account.email, boot_disk_kms_key=disks.name
        )
    )


def kubeconfig(cluster: container.Cluster) -> pulumi.Output[str]:
    """Returns a kubeconfig with one context, whose user is the login of Google's own tool."""
    authority = cluster.master_auth.cluster_ca_certificate
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "gke",
            "clusters": [
                {
                    "name": "gke",
                    "cluster": {
                        "server": pulumi.Output.concat("https://", cluster.endpoint),
                        "certificate-authority-data": authority,
                    },
                }
            ],
            "contexts": [{"name": "gke", "context": {"cluster": "gke", "user": "gke"}}],
            "users": [
                {
                    "name": "gke",
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1beta1",
                            "command": "gke-gcloud-auth-plugin",
                            "installHint": "install gke-gcloud-auth-plugin, a component of gcloud",
                            "provideClusterInfo": True,
                            "interactiveMode": "Never",
                        }
                    },
                }
            ],
        }
    )
