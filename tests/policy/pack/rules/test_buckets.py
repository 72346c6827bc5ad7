"""Buckets: closed to the public, encrypted, and reached by TLS only."""

import json

import pytest

from policy.pack.model import UNKNOWN
from tests.policy.pack.case import DEVELOPMENT, Case, ids, resource

BUCKET, BLOCK = "aws:s3/bucket:Bucket", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
POINT, ACL = "aws:s3/accessPoint:AccessPoint", "aws:s3/bucketAcl:BucketAcl"
BLOCKED = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)
CLOSED = {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": True}
EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}
_ALL = "http://acs.amazonaws.com/groups/global/AllUsers"


def _document(**changes: object) -> str:
    return json.dumps({"Statement": [{**EVERYBODY, **changes}]})


def _policy(secure: object, **more: object) -> dict[str, object]:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"],
        "Condition": {"Bool": {"aws:SecureTransport": secure}},
    }
    return {"policy": json.dumps({"Statement": {**statement, **more}})}


def _denied(what: str, secure: object, violations: int = 0, **more: object) -> Case:
    policy = resource(POLICY, _policy(secure, **more), uses={"bucket": "lake"})
    return Case("bucket-tls-only", what, (resource(BUCKET, name="lake"), policy), violations)


CASES = [
    Case("no-public-bucket", "an ACL", (resource("aws:s3/bucketAcl:BucketAcl", {"acl": "public-read"}),), 1),
    Case("no-public-bucket", "a private ACL", (resource("aws:s3/bucketAcl:BucketAcl", {"acl": "private"}),)),
    Case(
        "no-public-bucket", "one block left", (resource(BLOCK, {**BLOCKED, "blockPublicPolicy": False}),), 1
    ),
    Case("no-public-bucket", "all blocked", (resource(BLOCK, BLOCKED),)),
    Case("no-public-bucket", "a policy for all", (resource(POLICY, {"policy": _document()}),), 1),
    Case(
        "no-public-bucket",
        "a policy for all in a mapping",
        (resource(POLICY, {"policy": _document(Principal={"AWS": ["*"]})}),),
        1,
    ),
    Case("no-public-bucket", "a denial", (resource(POLICY, {"policy": _document(Effect="Deny")}),)),
    Case("no-public-bucket", "a GCP bucket", (resource("gcp:storage/bucket:Bucket"),), 2),
    Case("no-public-bucket", "a closed one", (resource("gcp:storage/bucket:Bucket", CLOSED),)),
    Case(
        "no-public-bucket",
        "everybody",
        (resource("gcp:storage/bucketIAMMember:BucketIAMMember", {"member": "allUsers"}),),
        1,
    ),
    Case(
        "no-public-bucket",
        "one identity",
        (resource("gcp:storage/bucketIAMMember:BucketIAMMember", {"member": "serviceAccount:trino@p"}),),
    ),
    Case(
        "bucket-access-blocked",
        "one of two",
        (resource(BUCKET, name="a"), resource(BUCKET, name="b"), resource(BLOCK, uses={"bucket": "a"})),
        1,
    ),
    Case(
        "bucket-access-blocked",
        "by the resource, though its name is not known",
        (resource(BUCKET, name="a"), resource(BLOCK, {"bucket": UNKNOWN}, uses={"bucket": "a"})),
    ),
    Case(
        "bucket-access-blocked",
        "by its name",
        (resource(BUCKET, {"bucket": "lake"}, name="a"), resource(BLOCK, {"bucket": "lake"})),
    ),
    Case("bucket-encrypted", "no encryption", (resource(BUCKET),), 1),
    Case(
        "bucket-encrypted",
        "its own",
        (resource(BUCKET, name="lake"), resource(ENCRYPTION, uses={"bucket": "lake"})),
    ),
    Case("bucket-tls-only", "no policy", (resource(BUCKET),), 1),
    Case(
        "bucket-tls-only",
        "a policy of something else",
        (resource(BUCKET, name="lake"), resource(POLICY, _policy("true"), uses={"bucket": "lake"})),
        1,
    ),
    Case(
        "bucket-tls-only",
        "denied",
        (resource(BUCKET, name="lake"), resource(POLICY, _policy("false"), uses={"bucket": "lake"})),
    ),
    _denied("denied, as a list", ["false"]),
    _denied("denied, as a truth", False),
    _denied("denied, its key in lower case", None, Condition={"Bool": {"aws:securetransport": ["false"]}}),
    _denied("denied to one", "false", 1, Principal={"AWS": "arn:aws:iam::123456789012:root"}),
    _denied("reading denied", "false", 1, Action="s3:GetObject"),
    _denied("the bucket's own, not what is in it", "false", 1, Resource="arn:aws:s3:::lake"),
    _denied(
        "denied in one network",
        None,
        1,
        Condition={"Bool": {"aws:SecureTransport": "false"}, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    ),
    Case(
        "no-public-bucket",
        "a policy after white space",
        (resource(POLICY, {"policy": " " + _document()}),),
        1,
    ),
    Case(
        "no-public-bucket",
        "a policy with TLS for a condition",
        (resource(POLICY, {"policy": _document(Condition={"Bool": {"aws:SecureTransport": "true"}})}),),
        1,
    ),
    Case(
        "no-public-bucket",
        "a policy for an organisation",
        (resource(POLICY, {"policy": _document(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})}),),
    ),
    Case("no-public-bucket", "a point's policy", (resource(POINT, {"policy": _document()}),), 1),
    Case(
        "no-public-bucket",
        "a point that blocks nothing",
        (resource(POINT, {"publicAccessBlockConfiguration": {"blockPublicPolicy": False}}),),
        1,
    ),
    Case("no-public-bucket", "a point", (resource(POINT),)),
    Case(
        "no-public-bucket",
        "a grant in an ACL",
        (resource(ACL, {"accessControlPolicy": {"grants": [{"grantee": {"uri": _ALL}}]}}),),
        1,
    ),
    Case(
        "no-public-bucket",
        "an object",
        (resource("aws:s3/bucketObjectv2:BucketObjectv2", {"acl": "public-read-write"}),),
        1,
    ),
    Case(
        "no-public-bucket",
        "GCS's ACL",
        (resource("gcp:storage/bucketACL:BucketACL", {"predefinedAcl": "publicRead"}),),
        1,
    ),
    Case(
        "no-public-bucket",
        "an entity",
        (resource("gcp:storage/bucketACL:BucketACL", {"roleEntities": ["READER:allUsers"]}),),
        1,
    ),
    Case(
        "no-public-bucket",
        "a default for objects",
        (
            resource(
                "gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl", {"entity": "allUsers"}
            ),
        ),
        1,
    ),
    Case(
        "no-public-bucket",
        "a block not known",
        (resource(BLOCK, {**BLOCKED, "blockPublicAcls": UNKNOWN}),),
        1,
    ),
    Case(
        "no-public-bucket",
        "a block not known, in development",
        (resource(BLOCK, {**BLOCKED, "blockPublicAcls": UNKNOWN}),),
        stack=DEVELOPMENT,
    ),
]

ACCOUNT = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
CASES += [
    Case("no-public-bucket", "an account that blocks nothing", (resource(ACCOUNT),), 1),
    Case("no-public-bucket", "an account that blocks all", (resource(ACCOUNT, BLOCKED),)),
    _denied("denied in a list of both", "false", Resource=["arn:aws:s3:::lake/*", "arn:aws:s3:::lake"]),
    _denied("denied in China", "false", Resource=["arn:aws-cn:s3:::lake", "arn:aws-cn:s3:::lake/*"]),
    _denied("denied by what both begin with", "false", Resource="arn:aws:s3:::lake*"),
    _denied("denied for every bucket", "false", Resource="arn:aws:s3:::*"),
    _denied("denied for everything", "false", Resource="*"),
    _denied("denied to every user of every account", "false", Principal={"AWS": ["*"]}),
    _denied("what is in it denied, not the bucket itself", "false", 1, Resource="arn:aws:s3:::lake/*"),
    _denied(
        "a part of it denied",
        "false",
        1,
        Resource=["arn:aws:s3:::lake", "arn:aws:s3:::lake/public/*"],
    ),
    _denied(
        "a folder of it denied",
        "false",
        1,
        Resource=["arn:aws:s3:::lake/public", "arn:aws:s3:::lake/public/*"],
    ),
    _denied("denied to every service", "false", 1, Principal={"Service": "*"}),
    _denied("denied to a user called *", "false", 1, Principal={"CanonicalUser": "*"}),
    _denied("denied to the accounts' owners", "false", 1, Principal={"AWS": "arn:aws:iam::*:root"}),
    _denied("denied, less some", "false", 1, Resource=None, NotResource="arn:aws:s3:::lake/public/*"),
    *(
        Case(
            "bucket-tls-only",
            f"{what}, by its ARN",
            (
                resource(BUCKET, {"arn": f"arn:aws:s3:::{name}"}, name="lake"),
                resource(POLICY, _policy("false"), uses={"bucket": "lake"}),
            ),
            violations,
        )
        for what, name, violations in (("this bucket denied", "lake", 0), ("another denied", "sea", 1))
    ),
    Case(
        "bucket-tls-only",
        "a policy that is not known, which judgeable says",
        (resource(BUCKET, name="lake"), resource(POLICY, {"policy": UNKNOWN}, uses={"bucket": "lake"})),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_buckets_are_closed_and_encrypted(case: Case) -> None:
    assert len(case.messages()) == case.violations
