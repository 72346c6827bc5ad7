"""Encryption, at rest and in transit."""

from collections.abc import Callable, Iterator, Sequence

from policy.pack.model import UNKNOWN, Resource, Rule, Stack, Violation, differs, get, of_types
from policy.pack.rules.documents import statements
from policy.pack.rules.exposure import belongs
from policy.pack.tokens import (
    AWS_BUCKET_ENCRYPTION,
    AWS_BUCKET_POLICY,
    AWS_BUCKETS,
    AWS_CACHE,
    AWS_CLUSTER,
    AWS_DATABASE,
    AWS_DATABASE_CLUSTER,
    AWS_DATABASE_PARAMETERS,
    AWS_FILE_SYSTEM,
    AWS_INSTANCE,
    AWS_LAUNCH_TEMPLATE,
    AWS_LISTENER,
    AWS_LISTENER_ALB,
    AWS_VOLUME,
    GCP_BUCKET,
    GCP_CLUSTER,
    GCP_DATABASE,
    GCP_DISK,
    KUBERNETES_INGRESS,
    KUBERNETES_STORAGE_CLASS,
)

_ENCRYPTED = {
    AWS_DATABASE: "storageEncrypted",
    AWS_DATABASE_CLUSTER: "storageEncrypted",
    AWS_VOLUME: "encrypted",
    AWS_FILE_SYSTEM: "encrypted",
    AWS_CACHE: "atRestEncryptionEnabled",
}
"""The flag that each type has; what GCP stores it always encrypts."""
_OWN_KEY = {
    GCP_BUCKET: "encryption.defaultKmsKeyName",
    GCP_DATABASE: "encryptionKeyName",
    GCP_DISK: "diskEncryptionKey.kmsKeySelfLink",
    AWS_CLUSTER: "encryptionConfig.provider.keyArn",
    GCP_CLUSTER: "databaseEncryption.keyName",
}
"""Where each type names a key of the stack's own. A cluster's is for the Secrets that it keeps."""
_CLOUD_SQL_TLS = ("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED")


def encryption_at_rest(resource: Resource, stack: Stack) -> Iterator[str]:
    flag = _ENCRYPTED.get(resource.type)
    if flag and differs(resource.get(flag, False), True):
        yield f"{resource.kind} is not encrypted: set {flag} to true"
    if (path := _OWN_KEY.get(resource.type)) and not resource.get(path):
        yield f"{resource.kind} has no key of the stack's own: set {path}"
    if resource.type == AWS_LAUNCH_TEMPLATE:
        for device in resource.items("blockDeviceMappings"):
            if differs(str(get(device, "ebs.encrypted", False)).lower(), "true", "unknown"):
                yield f"{resource.kind} has a disk that is not encrypted: set ebs.encrypted to true"
    if resource.type == AWS_INSTANCE and differs(resource.get("rootBlockDevice.encrypted", False), True):
        yield f"{resource.kind} has a disk that is not encrypted: set rootBlockDevice.encrypted to true"
    of_aws = resource.type == KUBERNETES_STORAGE_CLASS and resource.get("provisioner") == "ebs.csi.aws.com"
    if of_aws and differs(resource.get("parameters.encrypted"), "true"):
        yield f'{resource.kind} makes volumes that are not encrypted: set parameters.encrypted to "true"'
    if resource.type == AWS_BUCKET_ENCRYPTION:
        for rule in resource.items("rules"):
            algorithm = get(rule, "applyServerSideEncryptionByDefault.sseAlgorithm")
            if differs(algorithm, "aws:kms", "aws:kms:dsse"):
                yield f"{resource.kind} uses {algorithm}, which has no key of the stack's own: use aws:kms"


def tls_in_transit(resource: Resource, stack: Stack) -> Iterator[str]:
    match resource.type:
        case _ if resource.type in (AWS_LISTENER, AWS_LISTENER_ALB):
            redirects = resource.get("defaultActions.type") == "redirect"
            if resource.get("protocol") in ("HTTP", "TCP") and not redirects:
                yield f"{resource.kind} takes clear text: use HTTPS or TLS, or redirect to it"
        case _ if resource.type == AWS_DATABASE_PARAMETERS:
            if str(resource.get("family", "")).startswith("postgres"):
                forced = {
                    str(get(each, "value"))
                    for each in resource.items("parameters")
                    if get(each, "name") == "rds.force_ssl"
                }
                if forced != {"1"}:
                    yield f"{resource.kind} allows clear text: set the parameter rds.force_ssl to 1"
        case _ if resource.type == AWS_CACHE:
            if differs(resource.get("transitEncryptionEnabled", False), True):
                yield f"{resource.kind} takes clear text: set transitEncryptionEnabled to true"
        case _ if resource.type == GCP_DATABASE:
            if differs(resource.get("settings.ipConfiguration.sslMode"), *_CLOUD_SQL_TLS):
                path = "settings.ipConfiguration.sslMode"
                yield f"{resource.kind} takes clear text: set {path} to {_CLOUD_SQL_TLS[0]}"
        case _ if resource.type == KUBERNETES_INGRESS:
            if resource.get("spec.tls") is not UNKNOWN and not resource.items("spec.tls"):
                yield f"{resource.kind} takes clear text: give spec.tls"


def bucket_encrypted(resources: Sequence[Resource], stack: Stack) -> Iterator[Violation]:
    yield from _each_bucket_has(
        resources,
        AWS_BUCKET_ENCRYPTION,
        lambda _: True,
        "has no BucketServerSideEncryptionConfiguration: give it one, with aws:kms",
    )


def bucket_tls_only(resources: Sequence[Resource], stack: Stack) -> Iterator[Violation]:
    yield from _each_bucket_has(
        resources,
        AWS_BUCKET_POLICY,
        _denies_clear_text,
        "takes clear text: deny aws:SecureTransport false in its BucketPolicy",
    )


def _each_bucket_has(
    resources: Sequence[Resource], token: str, right: Callable[[Resource], bool], otherwise: str
) -> Iterator[Violation]:
    settings = [found for found in of_types(resources, token) if right(found)]
    for bucket in of_types(resources, *AWS_BUCKETS):
        if not any(belongs(each, bucket) for each in settings):
            yield Violation(f"{bucket.kind} {otherwise}", bucket.urn)


def _denies_clear_text(policy: Resource) -> bool:
    if policy.get("policy", UNKNOWN) is UNKNOWN:
        return True
    return any(
        not statement.allows
        and str(get(statement.conditions, "Bool", {}).get("aws:SecureTransport")).lower() == "false"
        for statement in statements(policy.get("policy"))
    )


RULES = (
    Rule(
        "encryption-at-rest",
        "What is stored is encrypted, with a key of the stack's own where the cloud takes one.",
        resource=encryption_at_rest,
        development="advisory",
    ),
    Rule(
        "bucket-encrypted",
        "Every S3 bucket says how it is encrypted.",
        stack=bucket_encrypted,
        development="advisory",
    ),
    Rule("tls-in-transit", "Nothing takes clear text where it can be TLS.", resource=tls_in_transit),
    Rule("bucket-tls-only", "Every S3 bucket refuses clear text.", stack=bucket_tls_only),
)
