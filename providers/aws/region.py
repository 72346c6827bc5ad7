"""Derives from a region's name its partition, domain, and the form of its ARNs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """A region of AWS, such as `eu-central-1`."""

    name: str

    @property
    def partition(self) -> str:
        """The partition: `aws`, `aws-cn` or `aws-us-gov`."""
        if self.name.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.name.startswith("us-gov-") else "aws"

    @property
    def domain(self) -> str:
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def endpoint(self, service: str) -> str:
        """Returns the host name of a service, such as `s3.eu-central-1.amazonaws.com`."""
        return f"{service}.{self.name}.{self.domain}"

    def endpoint_service(self, service: str) -> str:
        """Returns PrivateLink's name of a service. These names follow the partition's domain only in
        China."""
        prefix = "cn.com.amazonaws" if self.partition == "aws-cn" and service != "s3" else "com.amazonaws"
        return f"{prefix}.{self.name}.{service}"

    def managed_policy(self, name: str) -> str:
        """Returns the ARN of an AWS-managed policy."""
        return f"arn:{self.partition}:iam::aws:policy/{name}"

    def registry(self, account: str) -> str:
        """Returns the host name of the account's container registry."""
        return f"{account}.dkr.ecr.{self.name}.{self.domain}"
