"""Stands in for the AWS provider: what AWS adds to a resource, under the names that the provider
documents, and nothing of what it was given. Names that Pulumi makes up are known at a preview; what AWS
says of a resource is not."""

from collections.abc import Callable, Mapping
from typing import Any

from pulumi.runtime import mocks, rpc

from tests.mocked_program import Kubernetes

REGION, ACCOUNT = "eu-central-1", "123456789012"
Outputs = Callable[[str], Mapping[str, Any]]


def _arn(service: str, kind: str, *, regional: bool = True, account: bool = True) -> Outputs:
    region, owner = REGION if regional else "", ACCOUNT if account else ""
    return lambda name: {"arn": f"arn:aws:{service}:{region}:{owner}:{kind}{name}-0a1b2c3"}


def _nothing(name: str) -> Mapping[str, Any]:
    return {}


COMPUTED: Mapping[str, Outputs] = {
    "aws:cloudwatch/logGroup:LogGroup": _arn("logs", "log-group:"),
    "aws:ec2/launchTemplate:LaunchTemplate": lambda name: {"latestVersion": 1},
    "aws:ecr/repository:Repository": _arn("ecr", "repository/"),
    "aws:eks/cluster:Cluster": lambda name: {
        **_arn("eks", "cluster/")(name),
        "endpoint": "https://0A1B2C3D.gr7.eu-central-1.eks.amazonaws.com",
        "certificateAuthority": {"data": "Y2VydGlmaWNhdGU="},
        "vpcConfig": {"clusterSecurityGroupId": "sg-0a1b2c3", "vpcId": "vpc-0a1b2c3", "subnetIds": []},
    },
    "aws:iam/role:Role": _arn("iam", "role/", regional=False),
    "aws:kms/key:Key": _arn("kms", "key/"),
    "aws:rds/instance:Instance": lambda name: {
        **_arn("rds", "db:")(name),
        "address": f"{name}.c0a1b2c3.eu-central-1.rds.amazonaws.com",
        "resourceId": f"db-{name.upper()}",
    },
    "aws:s3/bucket:Bucket": _arn("s3", "", regional=False, account=False),
    "aws:secretsmanager/secret:Secret": _arn("secretsmanager", "secret:"),
    "aws:secretsmanager/secretVersion:SecretVersion": lambda name: {
        "versionId": f"00000000-0000-0000-0000-{len(name):012}"
    },
}
"""What is read again of each type, beside its id."""

AUTO_NAMED: Mapping[str, str] = {
    "aws:iam/role:Role": "name",
    "aws:rds/parameterGroup:ParameterGroup": "name",
    "aws:rds/subnetGroup:SubnetGroup": "name",
    "aws:s3/bucket:Bucket": "bucket",
}
"""Where a type has the name that Pulumi makes up."""


class Aws(mocks.Mocks):
    """And of Kubernetes and the random provider, what they add too."""

    def __init__(self, preview: bool) -> None:
        self._preview = preview
        self._others = Kubernetes(preview)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == "random:index/randomId:RandomId":
            return self._answer(args.name, {"hex": "0a1b2c3d"}, {})
        if not args.typ.startswith("aws:"):
            return self._others.new_resource(args)
        computed = COMPUTED.get(args.typ, _nothing)(args.name)
        named = {}
        if args.typ in AUTO_NAMED:
            named = {AUTO_NAMED[args.typ]: f"{args.name}-0a1b2c3"}
        return self._answer(args.name, computed, named)

    def _answer(
        self, name: str, computed: Mapping[str, Any], named: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        if self._preview:
            return "", {**dict.fromkeys(computed, rpc.UNKNOWN), **named}
        return f"{name}-id", {**computed, **named}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program calls {args.token}, which nothing mocks")
