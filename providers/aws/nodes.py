"""Creates managed node groups: on-demand nodes for state, and spot nodes for the rest where the size
says so."""

from collections.abc import Sequence

import pulumi
from pulumi_aws import ec2, eks

from components.endpoints import NetworkEndpoint
from providers.aws.iam import RoleArgs, role
from providers.aws.scope import Scope
from providers.aws.sizing import NodePoolSize

_COMPONENT = "cluster"
POOL = "nebula.io/pool"
"""The label that says which group a node is of."""


class Nodes:
    """The node groups of one cluster. A parked stack keeps the groups, with no nodes."""

    def __init__(
        self,
        name: str,
        cluster: eks.Cluster,
        network: NetworkEndpoint,
        scope: Scope,
        parked: bool,
        parent: pulumi.Resource,
    ) -> None:
        self._name, self._cluster, self._network = name, cluster, network
        self._scope, self._parked, self._parent = scope, parked, parent
        # What pods may do is said by their own roles; the network add-on has one too.
        self._role, self._permissions = role(
            name,
            _COMPONENT,
            RoleArgs(
                service=f"ec2.{scope.region.domain}",
                description="Joins a cluster and pulls images",
                managed=("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"),
            ),
            scope,
            parent,
        )

    def groups(self, depends_on: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        size = self._scope.sizes
        made = [self._group("servers", size.servers, depends_on)]
        if size.workers is not None:
            made.append(self._group("workers", size.workers, depends_on))
        return made

    def _group(self, pool: str, size: NodePoolSize, depends_on: Sequence[pulumi.Resource]) -> pulumi.Resource:
        name = f"{self._name}-{pool}"
        template = self._template(name, size)
        minimum, desired = (0, 0) if self._parked else (size.minimum, size.desired)
        # The scheduler turns to nodes that may go only when the others are full.
        avoided = eks.NodeGroupTaintArgs(key=POOL, value=pool, effect="PREFER_NO_SCHEDULE")
        return eks.NodeGroup(
            name,
            cluster_name=self._scope.cluster,
            node_role_arn=self._role.arn,
            subnet_ids=self._network.subnets,
            ami_type="AL2023_x86_64_STANDARD",
            capacity_type="SPOT" if size.spot else "ON_DEMAND",
            instance_types=size.instance_types,
            scaling_config=eks.NodeGroupScalingConfigArgs(
                min_size=minimum, desired_size=desired, max_size=size.maximum
            ),
            update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            launch_template=eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(lambda number: str(int(number)))
            ),
            labels={POOL: pool},
            taints=[avoided] if size.spot else None,
            tags=self._scope.tags.of(_COMPONENT, name=name),
            opts=self._scope.options(self._parent, [self._cluster, *self._permissions, *depends_on]),
        )

    def _template(self, name: str, size: NodePoolSize) -> ec2.LaunchTemplate:
        tags = self._scope.tags.of(_COMPONENT, name=f"nebula-{self._scope.stack}-{name}")
        return ec2.LaunchTemplate(
            name,
            block_device_mappings=[
                ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name="/dev/xvda",
                    ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_type="gp3",
                        volume_size=size.disk,
                        encrypted="true",
                        delete_on_termination="true",
                    ),
                )
            ],
            # One hop: a pod that is not on the host's network does not reach the node's role.
            metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            tag_specifications=[
                ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
                for kind in ("instance", "volume", "network-interface")
            ],
            update_default_version=True,
            tags=tags,
            opts=self._scope.options(self._parent),
        )
