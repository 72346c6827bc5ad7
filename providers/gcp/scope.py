"""Has what every resource of a stack on Google Cloud shares: provider, labels, project, region and
protection."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from components.sizing import Size
from providers.foreseen import NOT_YET_KNOWN, foreseen
from providers.gcp.labels import Labels
from providers.gcp.sizing import GCP_SIZES, GcpSize
from providers.protection import is_protected


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One stack's project and region. `number` is the project's number, which is part of the names of
    Google's own accounts."""

    stack: str
    project: str
    number: pulumi.Output[str]
    region: str
    labels: Labels
    size: Size
    provider: gcp.Provider

    @property
    def sizes(self) -> GcpSize:
        return GCP_SIZES[self.size]

    @property
    def protected(self) -> bool:
        return is_protected(self.size)

    @property
    def workload_pool(self) -> str:
        """The pool of pods' identities: one for all clusters of the project."""
        return f"{self.project}.svc.id.goog"

    def member(self, account: pulumi.Input[str]) -> pulumi.Output[str]:
        """Returns an account of the project as a member of policies, in the form that a preview can show."""
        return foreseen(account, f"serviceAccount:{NOT_YET_KNOWN}@{self.project}.iam.gserviceaccount.com")

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
