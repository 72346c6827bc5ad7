"""Has what every resource of a stack on AWS shares: provider, tags, region and protection."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.sizing import Size
from providers.aws.region import Region
from providers.aws.sizing import AWS_SIZES, AwsSize
from providers.aws.tags import Tags
from providers.protection import is_protected


@dataclass(frozen=True, kw_only=True)
class Scope:
    stack: str
    account: str
    region: Region
    tags: Tags
    size: Size
    provider: aws.Provider

    @property
    def sizes(self) -> AwsSize:
        return AWS_SIZES[self.size]

    @property
    def cluster(self) -> str:
        """The cluster's name. Kubeconfigs, log groups and roles of pods contain it; it must not change."""
        return f"nebula-{self.stack}"

    @property
    def protected(self) -> bool:
        return is_protected(self.size)

    def options(
        self,
        parent: pulumi.Resource | None,
        depends_on: Sequence[pulumi.Resource] = (),
        *,
        stateful: bool = False,
    ) -> pulumi.ResourceOptions:
        """Returns the options of a resource. A `stateful` resource is one whose loss loses data."""
        return pulumi.ResourceOptions(
            parent=parent,
            provider=self.provider,
            depends_on=[*depends_on],
            protect=stateful and self.protected,
        )
