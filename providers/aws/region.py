"""What a region's name implies: its partition, and so its domain and the form of its ARNs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """A region of AWS, such as `eu-central-1`."""

    name: str

    @property
    def partition(self) -> str:
        """`aws`, or that of China or of GovCloud."""
        if self.name.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.name.startswith("us-gov-") else "aws"

    @property
    def domain(self) -> str:
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def endpoint(self, service: str) -> str:
        """The host name of a service: `s3.eu-central-1.amazonaws.com`."""
        return f"{service}.{self.name}.{self.domain}"

    def endpoint_service(self, service: str) -> str:
        """What PrivateLink calls it, whose names do not follow the partition's domain but in China."""
        prefix = "cn.com.amazonaws" if self.partition == "aws-cn" and service != "s3" else "com.amazonaws"
        return f"{prefix}.{self.name}.{service}"

    def managed_policy(self, name: str) -> str:
        """The ARN of a policy that AWS keeps."""
        return f"arn:{self.partition}:iam::aws:policy/{name}"

    def registry(self, account: str) -> str:
        """The host name of the account's container registry."""
        return f"{account}.dkr.ecr.{self.name}.{self.domain}"
