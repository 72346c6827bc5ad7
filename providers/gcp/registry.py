"""Creates the mirror: a repository of Artifact Registry for the images that the stack runs."""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import artifactregistry

from providers.gcp.keys import Key
from providers.gcp.scope import Scope

_COMPONENT = "images"


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """The mirror of a stack. `mirror` is the path that `make images` prints:
    `REGION-docker.pkg.dev/PROJECT/NAME`."""

    scope: Scope
    mirror: str
    key: Key


class Registry(pulumi.ComponentResource):
    """A repository in which a tag never names another image later. It holds copies of public images, so
    it is not protected."""

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:gcp:Registry", name, {}, opts)
        self._name, self._scope = name, args.scope
        self.repository = artifactregistry.Repository(
            name,
            # A contract: pods, and who fills the mirror, know it by this name.
            repository_id=args.mirror.rpartition("/")[2],
            location=args.scope.region,
            format="DOCKER",
            docker_config=artifactregistry.RepositoryDockerConfigArgs(immutable_tags=True),
            kms_key_name=args.key.name,
            labels=args.scope.labels.of(_COMPONENT),
            opts=args.scope.options(self, args.key.granted),
        )
        self.register_outputs({"id": self.repository.id})

    def admit(self, reader: str, member: pulumi.Input[str]) -> pulumi.Resource:
        """Lets `member` of the project's policy pull images."""
        return artifactregistry.RepositoryIamMember(
            f"{self._name}-{reader}",
            repository=self.repository.name,
            location=self._scope.region,
            role="roles/artifactregistry.reader",
            member=member,
            opts=self._scope.options(self),
        )
