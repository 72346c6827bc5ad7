"""MinIO: buckets, and access keys that reach their own buckets only."""

import json
from typing import Any

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException, MinioException, S3Error
from minio.minioadmin import MinioAdmin
from minio.versioningconfig import SUSPENDED, VersioningConfig

from apps.provisioner.changes import Changes
from apps.provisioner.errors import LoginError, ProvisionError, one_line
from apps.provisioner.specs import AccessKey, Bucket, ObjectStoreSpec
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server

Policy = dict[str, Any]

_WRONG_KEY = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})
_STARTING = frozenset({"XMinioServerNotInitialized", "ServiceUnavailable", "SlowDown"})
_READ_BUCKET = ("s3:GetBucketLocation", "s3:ListBucket")
_WRITE_BUCKET = ("s3:ListBucketMultipartUploads",)
_READ_OBJECT = ("s3:GetObject",)
_WRITE_OBJECT = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject")


def converge(spec: ObjectStoreSpec, changes: Changes) -> None:
    """Buckets, users and their policies. Raises ProvisionError."""
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=60),
        retries=False,
        cert_reqs="CERT_REQUIRED",
        ca_certs=spec.ca_file,
    )
    secret = spec.secret_key.get_secret_value()
    client = _client(spec, pool, spec.access_key, secret)
    admin = MinioAdmin(
        endpoint=spec.endpoint,
        credentials=StaticProvider(spec.access_key, secret),
        region=spec.region,
        secure=spec.tls,
        http_client=pool,
    )
    _wait(spec, client)
    try:
        for bucket in spec.buckets:
            _ensure_bucket(client, bucket, changes)
        for user in spec.users:
            _ensure_user(spec, pool, admin, user, changes)
            _ensure_policy(admin, user, changes)
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise ProvisionError(f"object store at {spec.endpoint}: {one_line(error)}") from error


def policy_of(user: AccessKey) -> Policy:
    """The policy document that grants `user` its buckets and nothing else."""
    reads = sorted({bucket for grant in user.grants for bucket in grant.buckets})
    writes = sorted({bucket for grant in user.grants if grant.access == "write" for bucket in grant.buckets})
    statements = [
        _statement(_READ_BUCKET, [f"arn:aws:s3:::{bucket}" for bucket in reads]),
        _statement(_READ_OBJECT, [f"arn:aws:s3:::{bucket}/*" for bucket in reads]),
    ]
    if writes:
        statements += [
            _statement(_WRITE_BUCKET, [f"arn:aws:s3:::{bucket}" for bucket in writes]),
            _statement(_WRITE_OBJECT, [f"arn:aws:s3:::{bucket}/*" for bucket in writes]),
        ]
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(actions: tuple[str, ...], resources: list[str]) -> Policy:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}


def _client(spec: ObjectStoreSpec, pool: urllib3.PoolManager, access_key: str, secret_key: str) -> Minio:
    return Minio(
        endpoint=spec.endpoint,
        access_key=access_key,
        secret_key=secret_key,
        secure=spec.tls,
        region=spec.region,
        http_client=pool,
    )


def _wait(spec: ObjectStoreSpec, client: Minio) -> None:
    def transient(error: BaseException) -> bool:
        if isinstance(error, S3Error):
            return error.code in _STARTING
        return isinstance(error, (urllib3.exceptions.HTTPError, MinioException))

    try:
        wait_for_server("the object store", spec.endpoint, client.list_buckets, transient, spec.wait_seconds)
    except S3Error as error:
        if error.code not in _WRONG_KEY:
            raise ProvisionError(f"object store at {spec.endpoint}: {error.code}: {error.message}") from error
        raise LoginError(
            f"the object store at {spec.endpoint} refused the administrator's key ({error.code}): "
            "check access_key and secret_key against the ones it was started with"
        ) from error


def _ensure_bucket(client: Minio, bucket: Bucket, changes: Changes) -> None:
    if not client.bucket_exists(bucket_name=bucket.name):
        client.make_bucket(bucket_name=bucket.name)
        changes.add(f"created bucket {bucket.name}")
    if bucket.versioned is None:
        return
    status = client.get_bucket_versioning(bucket_name=bucket.name).status
    if bucket.versioned and status != ENABLED:
        client.set_bucket_versioning(bucket_name=bucket.name, config=VersioningConfig(ENABLED))
        changes.add(f"turned on the versioning of bucket {bucket.name}")
    elif not bucket.versioned and status == ENABLED:
        client.set_bucket_versioning(bucket_name=bucket.name, config=VersioningConfig(SUSPENDED))
        changes.add(f"suspended the versioning of bucket {bucket.name}")


def _ensure_user(
    spec: ObjectStoreSpec, pool: urllib3.PoolManager, admin: MinioAdmin, user: AccessKey, changes: Changes
) -> None:
    secret = user.secret_key.get_secret_value()
    present = _found(admin.user_info, user.name)
    if present is None:
        admin.user_add(user.name, secret)
        changes.add(f"created user {user.name}")
        return
    if present.get("status") != "enabled":
        admin.user_enable(user.name)
        changes.add(f"enabled user {user.name}")
    try:
        _client(spec, pool, user.name, secret).list_buckets()
    except S3Error as error:
        if error.code in _WRONG_KEY:
            admin.user_add(user.name, secret)
            changes.add(f"set the secret key of user {user.name}")
        elif error.code != "AccessDenied":  # authenticated, but without a policy yet
            raise


def _ensure_policy(admin: MinioAdmin, user: AccessKey, changes: Changes) -> None:
    name, declared = f"nebula-{user.name}", policy_of(user)
    present = _found(admin.policy_info, name)
    if present is None or _comparable(present) != _comparable(declared):
        admin.policy_add(name, policy=declared)
        changes.add(f"{'created' if present is None else 'changed'} policy {name}")
    if (_found(admin.user_info, user.name) or {}).get("policyName") != name:
        admin.policy_set(name, user=user.name)
        changes.add(f"gave policy {name} to user {user.name}")


def _found(query: Any, name: str) -> Policy | None:
    """The JSON object that `query` answers, None when there is no such thing."""
    try:
        answer: Policy = json.loads(query(name))
    except MinioAdminException as error:
        if "NoSuch" in str(error):
            return None
        raise
    return answer


def _comparable(policy: Policy) -> set[tuple[str, frozenset[str], frozenset[str]]]:
    """A policy without the order of its parts, which the server does not keep."""
    return {
        (part["Effect"], frozenset(part["Action"]), frozenset(part["Resource"]))
        for part in policy["Statement"]
    }
