"""Creates the cluster's storage class: gp3 volumes, encrypted by the stack's key and with its tags."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import meta, storage

from providers.aws.scope import Scope

_NAME = "nebula"


@dataclass(frozen=True)
class StorageClass:
    name: str
    resource: pulumi.Resource


def storage_class(
    key_arn: pulumi.Output[str],
    scope: Scope,
    provider: pulumi.ProviderResource,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource],
) -> StorageClass:
    """Creates the default storage class. EKS has no default one, and none that encrypts."""
    tags = scope.tags.of("cluster").items()
    made = storage.v1.StorageClass(
        _NAME,
        metadata=meta.v1.ObjectMetaArgs(name=_NAME),
        provisioner="ebs.csi.aws.com",
        parameters={
            "type": "gp3",
            "encrypted": "true",
            "kmsKeyId": key_arn,
            **{f"tagSpecification_{n}": f"{key}={value}" for n, (key, value) in enumerate(tags, start=1)},
        },
        reclaim_policy="Delete",
        allow_volume_expansion=True,
        # In the zone of the pod that asks for it.
        volume_binding_mode="WaitForFirstConsumer",
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=[*depends_on]),
    )
    return StorageClass(_NAME, made)
