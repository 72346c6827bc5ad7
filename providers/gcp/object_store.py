"""Creates the object store on Cloud Storage: buckets behind Google's own API, and an identity for each
service."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_gcp import serviceaccount, storage

from components.base import Address, Auth, HostPort, Tls, WorkloadIdentity
from components.endpoints import ObjectStoreEndpoint
from components.object_store import Grant
from providers.gcp.keys import Key
from providers.gcp.scope import Scope
from providers.kubernetes.naming import dns_label

_ROLES = {"read": "roles/storage.objectViewer", "write": "roles/storage.objectUser"}
_HOST = "storage.googleapis.com"
_WEEK = 7 * 24 * 60 * 60


@dataclass(frozen=True, kw_only=True)
class BucketsArgs:
    """The buckets by logical name, and the grants on them."""

    scope: Scope
    buckets: tuple[str, ...]
    grants: tuple[Grant, ...]
    key: Key


class ObjectStore(pulumi.ComponentResource):
    """Buckets that are encrypted with a key of the stack, keep what is overwritten for a while, and can
    never be made public. Each granted service has an account that reaches its buckets and no others, and
    no key; who is outside the platform has a user of Google's already."""

    endpoint: ObjectStoreEndpoint

    def __init__(self, name: str, args: BucketsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:gcp:ObjectStore", name, {}, opts)
        self._name, self._args = name, args
        buckets = {bucket: self._bucket(bucket) for bucket in args.buckets}
        grants = [grant for grant in args.grants if not grant.outside]
        services = dict.fromkeys(grant.service for grant in grants)
        accounts = {service: self._account(service) for service in services}
        granted = [
            storage.BucketIAMMember(
                f"{dns_label(grant.service)}-{grant.access}-{bucket}",
                bucket=buckets[bucket].name,
                role=_ROLES[grant.access],
                member=args.scope.member(accounts[grant.service].member),
                opts=args.scope.options(self),
            )
            for grant in grants
            for bucket in grant.buckets
        ]
        uris = {name: pulumi.Output.concat("gs://", bucket.name) for name, bucket in buckets.items()}
        identities: Mapping[str, Auth] = {
            service: WorkloadIdentity(account.email) for service, account in accounts.items()
        }
        google = HostPort(pulumi.Output.from_input(_HOST), pulumi.Output.from_input(443), tls=True)
        self.endpoint = ObjectStoreEndpoint(
            component=name,
            external=(google,),
            depends_on=tuple(granted),
            tls=Tls("verify-full"),
            address=Address(inside=google, outside=google),
            protocol="gs",
            buckets=uris,
            identities=identities,
            region=args.scope.region,
            path_style=False,
        )
        self.register_outputs({"buckets": uris})

    def _bucket(self, bucket: str) -> storage.Bucket:
        scope = self._args.scope
        return storage.Bucket(
            bucket,
            location=scope.region,
            storage_class="STANDARD",
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning=storage.BucketVersioningArgs(enabled=True),
            # What even its versions do not bring back, such as a bucket that was deleted.
            soft_delete_policy=storage.BucketSoftDeletePolicyArgs(
                retention_duration_seconds=_WEEK if scope.protected else 0
            ),
            lifecycle_rules=_lifecycle(30 if scope.protected else 3),
            encryption=storage.BucketEncryptionArgs(default_kms_key_name=self._args.key.name),
            labels=scope.labels.of(self._name),
            force_destroy=not scope.protected,
            opts=scope.options(self, self._args.key.granted, stateful=True),
        )

    def _account(self, service: str) -> serviceaccount.Account:
        scope = self._args.scope
        return serviceaccount.Account(
            dns_label(service),
            display_name=f"Nebula {scope.stack}: {service}",
            opts=scope.options(self),
        )


def _lifecycle(days: int) -> list[storage.BucketLifecycleRuleArgs]:
    """Returns the rules by which overwritten and deleted objects are kept for `days`, and unfinished
    uploads for a week."""
    return [
        storage.BucketLifecycleRuleArgs(
            action=storage.BucketLifecycleRuleActionArgs(type="Delete"),
            condition=storage.BucketLifecycleRuleConditionArgs(
                days_since_noncurrent_time=days, with_state="ARCHIVED"
            ),
        ),
        storage.BucketLifecycleRuleArgs(
            action=storage.BucketLifecycleRuleActionArgs(type="AbortIncompleteMultipartUpload"),
            condition=storage.BucketLifecycleRuleConditionArgs(age=7),
        ),
    ]
