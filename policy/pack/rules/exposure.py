"""What the internet may reach: only what the stack file lists in `expose`."""

from collections.abc import Iterator, Sequence
from typing import Any

from policy.pack.model import UNKNOWN, Resource, Rule, Stack, Violation, differs, of_types
from policy.pack.rules.documents import statements
from policy.pack.tokens import (
    AWS_BUCKET_ACL,
    AWS_BUCKET_POLICY,
    AWS_BUCKETS,
    AWS_DATABASE,
    AWS_LOAD_BALANCER,
    AWS_LOAD_BALANCER_ALB,
    AWS_LOAD_BALANCER_CLASSIC,
    AWS_PUBLIC_ACCESS_BLOCK,
    GCP_BUCKET,
    GCP_BUCKET_BINDING,
    GCP_BUCKET_MEMBER,
    GCP_DATABASE,
    GCP_FORWARDING_RULE,
    GCP_GLOBAL_FORWARDING_RULE,
    KUBERNETES_SERVICE,
)

_INTERNAL = {
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "networking.gke.io/load-balancer-type": "Internal",
}
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
_EVERYBODY = ("allUsers", "allAuthenticatedUsers")


def no_public_load_balancer(resource: Resource, stack: Stack) -> Iterator[str]:
    if _is_public(resource) and resource.component not in stack.exposed:
        what = resource.component or "a component by its label"
        yield f"{resource.kind} is public: make it internal, or list {what} in expose"


def _is_public(resource: Resource) -> bool:
    match resource.type:
        case _ if resource.type in (AWS_LOAD_BALANCER, AWS_LOAD_BALANCER_ALB, AWS_LOAD_BALANCER_CLASSIC):
            return differs(resource.get("internal", False), True)
        case _ if resource.type in (GCP_FORWARDING_RULE, GCP_GLOBAL_FORWARDING_RULE):
            return str(resource.get("loadBalancingScheme", "EXTERNAL")).startswith("EXTERNAL")
        case _ if resource.type == KUBERNETES_SERVICE:
            annotations: Any = resource.get("metadata.annotations", {})
            if resource.get("spec.type") != "LoadBalancer" or annotations is UNKNOWN:
                return bool(resource.items("spec.externalIPs"))
            return not any(annotations.get(key) == value for key, value in _INTERNAL.items())
    return False


def no_public_database(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type == AWS_DATABASE and resource.get("publiclyAccessible") is True:
        yield f"{resource.kind} has a public address: set publiclyAccessible to false"
    if resource.type == GCP_DATABASE and resource.get("settings.ipConfiguration.ipv4Enabled", True) is True:
        yield f"{resource.kind} has a public address: set settings.ipConfiguration.ipv4Enabled to false"


def no_public_bucket(resource: Resource, stack: Stack) -> Iterator[str]:
    match resource.type:
        case _ if resource.type in (*AWS_BUCKETS, AWS_BUCKET_ACL):
            if (acl := resource.get("acl")) in _PUBLIC_ACLS:
                yield f"{resource.kind} has the ACL {acl}: remove it"
        case _ if resource.type == AWS_PUBLIC_ACCESS_BLOCK:
            if missing := [name for name in _BLOCKS if differs(resource.get(name, False), True)]:
                yield f"{resource.kind} leaves a way open: set {', '.join(missing)} to true"
        case _ if resource.type == AWS_BUCKET_POLICY:
            for statement in statements(resource.get("policy")):
                if statement.allows and statement.by_anybody and not statement.conditions:
                    yield f"{resource.kind} allows everybody: name its principals, or give a condition"
        case _ if resource.type == GCP_BUCKET:
            if differs(resource.get("publicAccessPrevention"), "enforced"):
                yield f"{resource.kind} may be made public: set publicAccessPrevention to enforced"
            if differs(resource.get("uniformBucketLevelAccess", False), True):
                yield f"{resource.kind} takes ACLs of objects: set uniformBucketLevelAccess to true"
        case _ if resource.type in (GCP_BUCKET_MEMBER, GCP_BUCKET_BINDING):
            for member in (*resource.items("member"), *resource.items("members")):
                if member in _EVERYBODY:
                    yield f"{resource.kind} grants {member}: name the identities that need it"


def bucket_access_blocked(resources: Sequence[Resource], stack: Stack) -> Iterator[Violation]:
    blocks = of_types(resources, AWS_PUBLIC_ACCESS_BLOCK)
    for bucket in of_types(resources, *AWS_BUCKETS):
        if not any(belongs(block, bucket) for block in blocks):
            message = f"{bucket.kind} has no BucketPublicAccessBlock: give it one, with all four set"
            yield Violation(message, bucket.urn)


def belongs(settings: Resource, bucket: Resource) -> bool:
    """Whether `settings` (an access block, a policy, an encryption) are those of `bucket`: by the resource
    that its property comes from, which a preview knows, or by the name, which it may not."""
    used = settings.uses.get("bucket", frozenset())
    name = settings.get("bucket")
    known = [each for each in (bucket.get("id"), bucket.get("bucket")) if isinstance(each, str) and each]
    return bucket.urn in used or name in known


RULES = (
    Rule(
        "no-public-load-balancer",
        "A load balancer is internal unless its component is listed in expose.",
        resource=no_public_load_balancer,
    ),
    Rule("no-public-database", "A database has no public address.", resource=no_public_database),
    Rule("no-public-bucket", "Nothing makes a bucket public.", resource=no_public_bucket),
    Rule(
        "bucket-access-blocked",
        "Every S3 bucket blocks public access.",
        stack=bucket_access_blocked,
    ),
)
