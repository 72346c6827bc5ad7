"""Creates the node pools of a cluster, and their account."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import container, projects, serviceaccount

from providers.gcp.keys import Key
from providers.gcp.scope import Scope
from providers.gcp.sizing import NodePoolSize

_COMPONENT = "cluster"
POOL = "nebula.io/pool"
"""The label that says which pool a node is of."""
_WHAT_ITS_ROLES_ALLOW = "https://www.googleapis.com/auth/cloud-platform"


def node_account(name: str, scope: Scope, parent: pulumi.Resource) -> serviceaccount.Account:
    """Creates an account that may only write logs and metrics."""
    account = serviceaccount.Account(
        f"{name}-nodes", display_name=f"Nebula {scope.stack}: nodes", opts=scope.options(parent)
    )
    projects.IAMMember(
        f"{name}-nodes",
        project=scope.project,
        role="roles/container.defaultNodeServiceAccount",
        member=scope.member(account.member),
        opts=scope.options(parent),
    )
    return account


@dataclass(frozen=True, kw_only=True)
class PoolArgs:
    """The settings of a pool. A parked pool has no nodes. Without zones, it has those of the cluster."""

    scope: Scope
    cluster: container.Cluster
    account: serviceaccount.Account
    disks: Key
    zones: Sequence[str]
    parked: bool


def node_pool(
    name: str, pool: str, size: NodePoolSize, args: PoolArgs, parent: pulumi.Resource
) -> container.NodePool:
    """Creates a pool. Google adds nodes as pods need them, and repairs and upgrades them."""
    scope = args.scope
    # The scheduler turns to nodes that may go only when the others are full.
    avoided = container.NodePoolNodeConfigTaintArgs(key=POOL, value=pool, effect="PREFER_NO_SCHEDULE")
    return container.NodePool(
        f"{name}-{pool}",
        cluster=args.cluster.id,
        node_locations=list(args.zones) or None,
        autoscaling=None
        if args.parked
        else container.NodePoolAutoscalingArgs(
            total_min_node_count=size.minimum,
            total_max_node_count=size.maximum,
            # Spot nodes are had where they are; others are spread over the zones.
            location_policy="ANY" if size.spot else "BALANCED",
        ),
        node_count=0 if args.parked else None,
        management=container.NodePoolManagementArgs(auto_repair=True, auto_upgrade=True),
        upgrade_settings=container.NodePoolUpgradeSettingsArgs(
            strategy="SURGE", max_surge=1, max_unavailable=0
        ),
        node_config=container.NodePoolNodeConfigArgs(
            machine_type=size.machine.type,
            disk_type="pd-balanced",
            disk_size_gb=size.disk,
            boot_disk_kms_key=args.disks.name,
            image_type="COS_CONTAINERD",
            spot=size.spot,
            labels={POOL: pool},
            taints=[avoided] if size.spot else None,
            service_account=args.account.email,
            oauth_scopes=[_WHAT_ITS_ROLES_ALLOW],
            resource_labels=scope.labels.of(_COMPONENT),
            metadata={"disable-legacy-endpoints": "true"},
            workload_metadata_config=container.NodePoolNodeConfigWorkloadMetadataConfigArgs(
                mode="GKE_METADATA"
            ),
            shielded_instance_config=container.NodePoolNodeConfigShieldedInstanceConfigArgs(
                enable_secure_boot=True, enable_integrity_monitoring=True
            ),
        ),
        opts=scope.options(parent),
    )


def first_nodes(account: serviceaccount.Account, disks: Key, scope: Scope) -> container.ClusterNodeConfigArgs:
    """Returns the nodes of the default pool, which GKE creates with the cluster and which is removed at
    once."""
    return container.ClusterNodeConfigArgs(
        service_account=account.email,
        oauth_scopes=[_WHAT_ITS_ROLES_ALLOW],
        boot_disk_kms_key=disks.name,
        resource_labels=scope.labels.of(_COMPONENT),
        shielded_instance_config=container.ClusterNodeConfigShieldedInstanceConfigArgs(
            enable_secure_boot=True, enable_integrity_monitoring=True
        ),
    )
