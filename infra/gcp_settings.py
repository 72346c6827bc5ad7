"""The settings of a stack on Google Cloud."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from infra.cloud_settings import Site, network_of
from infra.model import Model


def _private(text: str) -> str:
    network = network_of(text)
    if not network.is_private or not 12 <= network.prefixlen <= 18:
        raise ValueError(f"{text} is not a private network of /12 to /18")
    return text


class GcpSettings(Model):
    """The project and region; Google's application default credentials are the login."""

    project: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")] = Field(
        description="its id, not its number"
    )
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]+-[a-z]+[0-9]+$")]
    zones: list[Annotated[str, StringConstraints(pattern=r"^[a-z]$")]] = Field(
        default_factory=list,
        max_length=4,
        description="letters of the zones that nodes are in; three of Google's choice if not given",
    )
    network: Annotated[str, AfterValidator(_private)] = Field(
        default="10.64.0.0/14", description="the VPC's addresses, /12 to /18; half of them are for pods"
    )
    nat: bool | None = Field(
        default=None, description="Cloud NAT, a way out to the internet; what the size says if not given"
    )
    api_access: list[Site] = Field(
        min_length=1,
        description="networks from which the cluster's API is reached: private ones through the VPC",
    )
    release_channel: Literal["rapid", "regular", "stable", "extended"] = Field(
        default="regular", description="which versions GKE upgrades the cluster to, and how soon"
    )
    autopilot: bool = Field(default=False, description="Google keeps the nodes, and bills by pod")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for key, given in (("zones", self.zones), ("api_access", self.api_access)):
            if twice := sorted({value for value in given if given.count(value) > 1}):
                raise ValueError(f"{key}: {', '.join(twice)} is there twice")
        return self

    def registry(self, stack: str) -> str:
        """Returns the repository of the stack's images in Artifact Registry."""
        return f"{self.region}-docker.pkg.dev/{self.project}/nebula-{stack}"
