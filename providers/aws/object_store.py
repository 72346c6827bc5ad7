"""Creates the object store on S3: a bucket for each logical one, and a role for each service with a grant."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import kms, s3

from components.base import Address, Auth, HostPort, Tls
from components.endpoints import ObjectStoreEndpoint
from components.object_store import Grant, ObjectStoreArgs
from providers.aws.iam import Condition, Statement, document, use_of_key
from providers.aws.identity import pod_role
from providers.aws.keys import key
from providers.aws.scope import Scope
from providers.foreseen import NOT_YET_KNOWN, foreseen
from providers.kubernetes.naming import dns_label

_COMPONENT = "object_store"
_OLD_VERSIONS_DAYS = 30
_UNFINISHED_DAYS = 7
_READ = ("s3:GetObject",)
_WRITE = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)


class ObjectStore(pulumi.ComponentResource):
    """Buckets that are encrypted and versioned, and refuse public access and plain HTTP."""

    endpoint: ObjectStoreEndpoint

    def __init__(
        self,
        name: str,
        args: ObjectStoreArgs,
        scope: Scope,
        namespace: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("nebula:aws:ObjectStore", name, {}, opts)
        self._name, self._scope = name, scope
        self._key = key(_COMPONENT, "objects", scope, self)
        made = {bucket: self._bucket(bucket) for bucket in args.buckets}
        identities: dict[str, Auth] = {}
        permissions: list[pulumi.Resource] = []
        for service in dict.fromkeys(grant.service for grant in args.grants if not grant.outside):
            identities[service], needed = pod_role(
                f"{name}-{service}",
                _COMPONENT,
                f"What {service} may do with its buckets",
                self._statements([g for g in args.grants if g.service == service], made),
                namespace,
                scope,
                self,
            )
            permissions += needed
        server = HostPort(
            pulumi.Output.from_input(scope.region.endpoint("s3")), pulumi.Output.from_input(443), tls=True
        )
        self.endpoint = ObjectStoreEndpoint(
            component=name,
            external=(server,),
            depends_on=(*(bucket.resource for bucket in made.values()), *permissions),
            tls=Tls("verify-full"),
            address=Address(inside=server, outside=server),
            buckets={logical: bucket.uri for logical, bucket in made.items()},
            identities=identities,
            region=scope.region.name,
            path_style=False,
        )
        self.register_outputs({"buckets": {logical: bucket.uri for logical, bucket in made.items()}})

    def _bucket(self, logical: str) -> "_Bucket":
        # Names of buckets have no underscore.
        name, scope = f"{dns_label(self._name)}-{logical}", self._scope
        opts = scope.options(self)
        bucket = s3.Bucket(
            name,
            force_destroy=not scope.protected,
            tags=scope.tags.of(_COMPONENT, name=f"nebula-{scope.stack}-{logical}"),
            opts=scope.options(self, stateful=True),
        )
        arn = foreseen(bucket.arn, f"arn:{scope.region.partition}:s3:::{name}-{NOT_YET_KNOWN}")
        s3.BucketOwnershipControls(
            name,
            bucket=bucket.bucket,
            rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=opts,
        )
        s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=opts,
        )
        encrypted = s3.BucketServerSideEncryptionConfiguration(
            name, bucket=bucket.bucket, rules=[_encrypted_by(self._key)], opts=opts
        )
        closed = s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=opts,
        )
        # S3 refuses to be told two things of one bucket at a time.
        s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=document([_tls_only(arn)]),
            opts=scope.options(self, [closed]),
        )
        s3.BucketLifecycleConfiguration(name, bucket=bucket.bucket, rules=_lifecycle(), opts=opts)
        # Nothing is written before it would be encrypted by the stack's key.
        return _Bucket(arn, pulumi.Output.concat("s3://", bucket.bucket), encrypted)

    def _statements(self, grants: list[Grant], buckets: dict[str, "_Bucket"]) -> list[Statement]:
        """Returns the statements that allow a service the buckets of its grants, and no others."""
        found: list[Statement] = []
        for grant in grants:
            arns = [buckets[bucket].arn for bucket in grant.buckets]
            objects = tuple(pulumi.Output.concat(arn, "/*") for arn in arns)
            actions = _WRITE if grant.access == "write" else _READ
            found += [
                Statement(actions=("s3:ListBucket", "s3:GetBucketLocation"), resources=arns),
                Statement(actions=actions, resources=objects),
            ]
        writes = any(grant.access == "write" for grant in grants)
        return [*found, use_of_key(self._key.arn, write=writes)]


@dataclass(frozen=True)
class _Bucket:
    arn: pulumi.Output[str]
    uri: pulumi.Output[str]
    resource: pulumi.Resource


def _encrypted_by(encryption: kms.Key) -> s3.BucketServerSideEncryptionConfigurationRuleArgs:
    by = s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="aws:kms", kms_master_key_id=encryption.arn
    )
    # With a key of the bucket's own, KMS is asked once for many objects.
    return s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=by, bucket_key_enabled=True
    )


def _tls_only(arn: pulumi.Output[str]) -> Statement:
    return Statement(
        effect="Deny",
        everyone=True,
        actions=("s3:*",),
        resources=(arn, pulumi.Output.concat(arn, "/*")),
        conditions=[Condition("Bool", "aws:SecureTransport", "false")],
    )


def _lifecycle() -> list[s3.BucketLifecycleConfigurationRuleArgs]:
    """What is overwritten or deleted can be had again for a month; what was never finished goes."""
    return [
        s3.BucketLifecycleConfigurationRuleArgs(
            id="old-versions",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            noncurrent_version_expiration=(
                s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                    noncurrent_days=_OLD_VERSIONS_DAYS
                )
            ),
            expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
        ),
        s3.BucketLifecycleConfigurationRuleArgs(
            id="unfinished-uploads",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            abort_incomplete_multipart_upload=(
                s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=_UNFINISHED_DAYS
                )
            ),
        ),
    ]
