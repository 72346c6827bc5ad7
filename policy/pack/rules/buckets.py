"""Rules for buckets: closed to the public, encrypted, and reached by TLS only."""

from collections.abc import Callable, Iterator, Sequence

from policy.pack.facts.documents import Statement, documents
from policy.pack.facts.grants import grants
from policy.pack.facts.patterns import covers, wildcard
from policy.pack.model import Resource, Rule, Stack, Violation, differs, dotted, of_types, unclear, unknown
from policy.pack.tokens import (
    AWS_ACCESS_POINT,
    AWS_ACCOUNT_ACCESS_BLOCK,
    AWS_BUCKET_ENCRYPTION,
    AWS_BUCKET_POLICY,
    AWS_BUCKETS,
    AWS_PUBLIC_ACCESS_BLOCK,
    GCP_BUCKET,
)

_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_STORES = ("s3", "s3control", "s3tables", "storage")
"""The modules of the SDKs whose resources are of buckets and of what is in them."""


def is_of_a_store(resource: Resource) -> bool:
    return resource.type.partition(":")[2].partition("/")[0] in _STORES


def no_public_bucket(resource: Resource, stack: Stack) -> Iterator[str]:
    if is_of_a_store(resource):
        found, _ = grants(resource)
        for grant in found:
            where = dotted(grant.path)
            yield f"{resource.kind} grants {grant.to} something ({where}): name the identities that need it"
    if resource.type in (AWS_PUBLIC_ACCESS_BLOCK, AWS_ACCOUNT_ACCESS_BLOCK):
        yield from _left_open(resource, stack, "")
    if resource.type == AWS_ACCESS_POINT and resource.get("vpcConfiguration") is None:
        yield from _left_open(resource, stack, "publicAccessBlockConfiguration.", default=True)
    if resource.type == GCP_BUCKET:
        if differs(resource.get("publicAccessPrevention"), "enforced"):
            yield f"{resource.kind} may be made public: set publicAccessPrevention to enforced"
        if differs(resource.get("uniformBucketLevelAccess", False), True):
            yield f"{resource.kind} takes ACLs of objects: set uniformBucketLevelAccess to true"
        yield from unknown(resource, stack, "publicAccessPrevention", "uniformBucketLevelAccess")


def _left_open(resource: Resource, stack: Stack, below: str, *, default: bool = False) -> Iterator[str]:
    paths = [f"{below}{name}" for name in _BLOCKS]
    if missing := [path for path in paths if differs(resource.get(path, default), True)]:
        yield f"{resource.kind} leaves a way open: set {', '.join(missing)} to true"
    yield from unknown(resource, stack, *paths)


def bucket_access_blocked(resources: Sequence[Resource], stack: Stack) -> Iterator[Violation]:
    yield from _each_bucket_has(
        resources,
        AWS_PUBLIC_ACCESS_BLOCK,
        lambda *_: True,
        "has no BucketPublicAccessBlock: give it one, with all four set",
    )


def bucket_encrypted(resources: Sequence[Resource], stack: Stack) -> Iterator[Violation]:
    yield from _each_bucket_has(
        resources,
        AWS_BUCKET_ENCRYPTION,
        lambda *_: True,
        "has no BucketServerSideEncryptionConfiguration: give it one, with aws:kms",
    )


def bucket_tls_only(resources: Sequence[Resource], stack: Stack) -> Iterator[Violation]:
    yield from _each_bucket_has(
        resources,
        AWS_BUCKET_POLICY,
        _denies_clear_text,
        "takes clear text: deny aws:SecureTransport false to everybody, for the bucket and what is in it, "
        "in its BucketPolicy",
    )


def _each_bucket_has(
    resources: Sequence[Resource], token: str, right: Callable[[Resource, Resource], bool], otherwise: str
) -> Iterator[Violation]:
    """Yields a violation for each bucket without a setting of the type for which `right` is true."""
    settings = of_types(resources, token)
    for bucket in of_types(resources, *AWS_BUCKETS):
        if not any(_belongs(each, bucket) and right(each, bucket) for each in settings):
            yield Violation(f"{bucket.kind} {otherwise}", bucket.urn)


def _belongs(settings: Resource, bucket: Resource) -> bool:
    """True if `settings` (an access block, a policy, an encryption) are those of `bucket`: by the resource
    that its property comes from, which a preview knows, or by the name, which it may not."""
    used = settings.uses.get("bucket", frozenset())
    name = settings.get("bucket")
    known = [each for each in (bucket.get("id"), bucket.get("bucket")) if isinstance(each, str) and each]
    return bucket.urn in used or name in known


def _denies_clear_text(policy: Resource, bucket: Resource) -> bool:
    """True if its denials of clear text are on the bucket and on what is in it, by one pattern or by two."""
    if policy.get("policy") is None or unclear(policy.properties, "policy"):
        return True  # nobody can say: that is a violation of its own
    found, _ = documents(policy)
    denials = (each for document in found for each in document.statements if _is_denial(each))
    denied = [pattern for each in denials for pattern in each.resources]
    # Until the cloud has given the bucket its ARN, the policy has a stand-in for it.
    given = bucket.get("arn")
    stated = [base for each in denied if "/" not in (base := each.removesuffix("/*"))]
    arns = [given] if isinstance(given, str) and given else stated
    return any(
        all(any(covers(pattern, target) for pattern in denied) for target in (arn, f"{arn}/*"))
        for arn in arns
    )


def _is_denial(statement: Statement) -> bool:
    return (
        not statement.allows
        and statement.reaches_everybody
        and any(wildcard(action).lower() in ("*", "s3:*") for action in statement.actions)
        and len(statement.conditions) == 1
        and statement.conditions[0].is_clear_text
    )


RULES = (
    Rule("no-public-bucket", "Nothing makes a bucket public.", resource=no_public_bucket),
    Rule("bucket-access-blocked", "Every S3 bucket blocks public access.", stack=bucket_access_blocked),
    Rule(
        "bucket-encrypted",
        "Every S3 bucket says how it is encrypted.",
        stack=bucket_encrypted,
        development="advisory",
    ),
    Rule("bucket-tls-only", "Every S3 bucket refuses clear text.", stack=bucket_tls_only),
)
