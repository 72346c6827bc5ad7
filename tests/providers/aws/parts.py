"""A network and a cluster on AWS by themselves, against Pulumi's mocks."""

from dataclasses import replace

from components.endpoints import NetworkEndpoint
from providers.aws.provider import AwsArgs, AwsProvider
from providers.aws.tags import Tags
from providers.kubernetes.namespace import NamespaceArgs
from tests.mocked_program import Run, run_program
from tests.providers.aws.mocked import ACCOUNT, REGION, Aws

ARGS = AwsArgs(
    account=ACCOUNT,
    region=REGION,
    zones=("a", "b", "c"),
    cidr="10.0.0.0/16",
    size="small",
    tags=Tags(stack="parts"),
    api_access=("10.0.0.0/8",),
    admins=(f"arn:aws:iam::{ACCOUNT}:role/deployer",),
    kubernetes_version="1.35",
    postgres_version="18",
    postgres_tls="verify-full",
    namespace=NamespaceArgs(stack="parts", name="parts"),
)


def network(**changes: object) -> Run:
    args = replace(ARGS, **changes)  # type: ignore[arg-type] # what a test says of some fields

    def program() -> None:
        AwsProvider("aws", args).create_network("network")

    return run_program(program, stand_in=Aws)


def cluster(**changes: object) -> Run:
    args = replace(ARGS, **changes)  # type: ignore[arg-type] # the same

    def program() -> None:
        there = NetworkEndpoint(component="network", id="vpc-0a1b2c3", subnets=("subnet-a", "subnet-b"))
        AwsProvider("aws", args).create_cluster("cluster", there)

    return run_program(program, stand_in=Aws)
