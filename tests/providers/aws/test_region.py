"""Names that follow from a region's."""

import pytest

from providers.aws.region import Region


@pytest.mark.parametrize(
    ("region", "policy", "s3"),
    [
        ("eu-central-1", "arn:aws:iam::aws:policy/P", "s3.eu-central-1.amazonaws.com"),
        ("us-gov-west-1", "arn:aws-us-gov:iam::aws:policy/P", "s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "arn:aws-cn:iam::aws:policy/P", "s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_partition_and_domain_follow_from_the_region(region: str, policy: str, s3: str) -> None:
    assert Region(region).managed_policy("P") == policy
    assert Region(region).endpoint("s3") == s3
