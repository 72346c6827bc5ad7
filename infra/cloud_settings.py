"""What the stack's configuration may say of the cloud and the cluster that it stands on."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from infra.model import Model


class ImageSettings(Model):
    """Where container images come from."""

    mirror: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._:/-]*[a-z0-9]$")] | None = Field(
        default=None, description="a registry and path that holds all images: `make images` lists them"
    )
    pull_secrets: list[str] = Field(default_factory=list, description="Secrets of the namespace")
    build: bool = Field(
        default=False, description="build images of ours with Docker, and push them to the mirror"
    )

    @model_validator(mode="after")
    def _pushed_somewhere(self) -> Self:
        if self.build and self.mirror is None:
            raise ValueError("build needs mirror, the registry and path that images are pushed to")
        return self


class NamespaceSettings(Model):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] | None = Field(
        default=None, description="nebula-<stack> if not given"
    )
    create: bool = Field(default=True, description="false: it exists, and stays")


class GatewaySettings(Model):
    """A Gateway of the cluster, with an HTTPS listener for the host names in `expose`."""

    name: str
    namespace: str


class KubernetesSettings(Model):
    """The cluster, and how the platform uses it."""

    context: str | None = Field(default=None, description="of the kubeconfig; the current one if not given")
    kubeconfig: str | None = Field(default=None, description="a path; KUBECONFIG or ~/.kube/config if not")
    namespace: NamespaceSettings = Field(default_factory=NamespaceSettings)
    storage_class: str | None = Field(default=None, description="the cluster's default if not given")
    images: ImageSettings = Field(default_factory=ImageSettings)
    cpu_requests: float = Field(default=1.0, gt=0, le=1, description="part of their cores that pods request")
    spread: Literal["preferred", "required"] = Field(
        default="preferred", description="replicas on nodes of their own"
    )
    gateway: GatewaySettings | None = None
    api_ports: list[int] = Field(
        default_factory=lambda: [443, 6443],
        min_length=1,
        description="where the API server listens, which Spark's driver must reach through the policies",
    )


class AwsSettings(Model):
    """The account and region; the login is that of the AWS SDK's own environment."""

    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] | None = Field(
        default=None, description="refuse to run with another account's login"
    )
    zones: list[str] = Field(
        default_factory=list, description="availability zones; the region's first three if not given"
    )


class GcpSettings(Model):
    """The project and region; the login is the SDK's application default."""

    project: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")]
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]+-[a-z]+[0-9]+$")]
