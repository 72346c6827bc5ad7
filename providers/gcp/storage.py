"""Creates the cluster's storage class: balanced disks, encrypted by the stack's key and with its labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import meta, storage

from providers.gcp.keys import Key
from providers.gcp.scope import Scope

_NAME = "nebula"


@dataclass(frozen=True)
class StorageClass:
    name: str
    resource: pulumi.Resource


def storage_class(
    key: Key,
    scope: Scope,
    provider: pulumi.ProviderResource,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource],
) -> StorageClass:
    """Creates the storage class. GKE's own classes do not use the stack's key."""
    labels = ",".join(f"{name}={value}" for name, value in scope.labels.of("cluster").items())
    made = storage.v1.StorageClass(
        _NAME,
        metadata=meta.v1.ObjectMetaArgs(name=_NAME),
        provisioner="pd.csi.storage.gke.io",
        parameters={"type": "pd-balanced", "disk-encryption-kms-key": key.name, "labels": labels},
        reclaim_policy="Delete",
        allow_volume_expansion=True,
        # In the zone of the pod that asks for it.
        volume_binding_mode="WaitForFirstConsumer",
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=[*depends_on]),
    )
    return StorageClass(_NAME, made)
