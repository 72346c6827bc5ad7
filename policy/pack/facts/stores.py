"""Knows what keeps data: which flags encrypt it, by which key, and which flags let it be destroyed."""

from collections.abc import Iterator, Mapping
from typing import Any

from policy.pack.model import UNKNOWN, Path, Resource
from policy.pack.tokens import (
    AWS_BUCKET,
    AWS_BUCKET_V2,
    AWS_CACHE,
    AWS_CLUSTER,
    AWS_DATABASE,
    AWS_DATABASE_CLUSTER,
    AWS_DOCUMENT_CLUSTER,
    AWS_FILE_SYSTEM,
    AWS_GRAPH_CLUSTER,
    AWS_IMAGE_COPY,
    AWS_INSTANCE,
    AWS_KAFKA,
    AWS_SEARCH,
    AWS_SEARCH_LEGACY,
    AWS_SNAPSHOT_COPY,
    AWS_TABLE,
    AWS_VOLUME,
    AWS_WAREHOUSE,
    GCP_ALLOY,
    GCP_BIGTABLE,
    GCP_BUCKET,
    GCP_CLUSTER,
    GCP_DATABASE,
    GCP_DATASET,
    GCP_DISK,
    GCP_FILESTORE,
    GCP_INSTANCE,
    GCP_REDIS,
    GCP_REGION_DISK,
    GCP_SPANNER,
)

FLAGS: Mapping[str, str] = {
    AWS_CACHE: "atRestEncryptionEnabled",
    AWS_DATABASE: "storageEncrypted",
    AWS_DATABASE_CLUSTER: "storageEncrypted",
    AWS_DOCUMENT_CLUSTER: "storageEncrypted",
    AWS_FILE_SYSTEM: "encrypted",
    AWS_GRAPH_CLUSTER: "storageEncrypted",
    AWS_IMAGE_COPY: "encrypted",
    AWS_INSTANCE: "rootBlockDevice.encrypted",
    AWS_SEARCH: "encryptAtRest.enabled",
    AWS_SEARCH_LEGACY: "encryptAtRest.enabled",
    AWS_SNAPSHOT_COPY: "encrypted",
    AWS_VOLUME: "encrypted",
    AWS_WAREHOUSE: "encrypted",
}
"""The flag without which a type is not encrypted; what GCP stores it always encrypts."""
KEYS: Mapping[str, str] = {
    AWS_CLUSTER: "encryptionConfig.provider.keyArn",
    AWS_KAFKA: "encryptionInfo.encryptionAtRestKmsKeyArn",
    GCP_ALLOY: "encryptionConfig.kmsKeyName",
    GCP_BUCKET: "encryption.defaultKmsKeyName",
    GCP_CLUSTER: "databaseEncryption.keyName",
    GCP_DATABASE: "encryptionKeyName",
    GCP_DATASET: "defaultEncryptionConfiguration.kmsKeyName",
    GCP_DISK: "diskEncryptionKey.kmsKeySelfLink",
    GCP_FILESTORE: "kmsKeyName",
    GCP_INSTANCE: "bootDisk.kmsKeySelfLink",
    GCP_REDIS: "customerManagedKey",
    GCP_REGION_DISK: "diskEncryptionKey.kmsKeySelfLink",
    GCP_SPANNER: "encryptionConfig.kmsKeyName",
}
"""Where each type names a key of the stack's own. A cluster's is for the Secrets that it keeps."""
DESTROYABLE: Mapping[str, Mapping[str, bool]] = {
    AWS_BUCKET: {"forceDestroy": True},
    AWS_BUCKET_V2: {"forceDestroy": True},
    AWS_DATABASE: {"deletionProtection": False, "skipFinalSnapshot": True},
    AWS_DATABASE_CLUSTER: {"deletionProtection": False, "skipFinalSnapshot": True},
    AWS_DOCUMENT_CLUSTER: {"deletionProtection": False, "skipFinalSnapshot": True},
    AWS_FILE_SYSTEM: {},
    AWS_GRAPH_CLUSTER: {"deletionProtection": False, "skipFinalSnapshot": True},
    AWS_KAFKA: {},
    AWS_SEARCH: {},
    AWS_SEARCH_LEGACY: {},
    AWS_TABLE: {"deletionProtectionEnabled": False},
    AWS_VOLUME: {},
    AWS_WAREHOUSE: {"skipFinalSnapshot": True},
    GCP_ALLOY: {"deletionProtection": False},
    GCP_BIGTABLE: {"deletionProtection": False},
    GCP_BUCKET: {"forceDestroy": True},
    GCP_DATABASE: {"deletionProtection": False},
    GCP_DATASET: {"deleteContentsOnDestroy": True},
    GCP_DISK: {},
    GCP_FILESTORE: {"deletionProtectionEnabled": False},
    GCP_REGION_DISK: {},
    GCP_SPANNER: {"deletionProtection": False},
}
"""What holds data, and what lets each be destroyed."""
PROTECTED_UNLESS_SAID = frozenset({GCP_ALLOY, GCP_BIGTABLE, GCP_DATABASE, GCP_SPANNER})
"""Types whose provider takes deletionProtection for true where it is not given."""
_ENCRYPTING = frozenset({"encrypted", "kmsEncrypted", "storageEncrypted", "atRestEncryptionEnabled"})
_DISKS = frozenset({"ebs", "managedEbsVolume", "rootBlockDevice", "ebsBlockDevices"})
_DEVICES = _DISKS | {"blockDeviceMappings"}
"""Where disks of machines stand within what makes the machines."""


def unencrypted(resource: Resource) -> Iterator[tuple[Path, Any]]:
    """Returns each encryption flag that is false, unknown, or absent where the default is false, with
    its value; the value is UNKNOWN also if something above the flag is unknown."""
    own = FLAGS.get(resource.type, "")
    if own and not _is_encrypted(value := resource.get(own)) and not _inherits(resource):
        yield tuple(own.split(".")), value
    for path, value in resource.nodes if resource.package == "aws" else ():
        keys = [key for key in path if isinstance(key, str)]
        if not keys or ".".join(keys) == own:
            continue
        if keys[-1] in _ENCRYPTING and not isinstance(value, (Mapping, list)) and not _is_encrypted(value):
            yield path, value
        elif keys[-1] in _DEVICES and value is UNKNOWN and keys[0] != own.partition(".")[0]:
            yield path, UNKNOWN
        elif isinstance(value, Mapping) and "encrypted" not in value and _is_device(keys, own):
            yield (*path, "encrypted"), None


def _is_encrypted(value: Any) -> bool:
    return value is not UNKNOWN and str(value).lower() == "true"


def _inherits(resource: Resource) -> bool:
    """True if it is a replica that says nothing: it is encrypted as its source is."""
    return bool(resource.get("replicateSourceDb")) and resource.get("storageEncrypted") is None


def _is_device(keys: list[str], own: str) -> bool:
    """True if a disk is at `keys`, other than the one that the type's `own` flag is of."""
    return keys[-1] in _DISKS and keys != [own.partition(".")[0]]


def without_key(resource: Resource) -> str | None:
    """Returns the property in which the resource should name a key of the stack's own and names none."""
    path = KEYS.get(resource.type)
    return path if path and resource.get(path) is not UNKNOWN and not resource.get(path) else None
