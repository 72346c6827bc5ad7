"""Creates the mirror: a repository of ECR for each image that the stack runs."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import ecr

from components.software.images import reference
from components.software.model import Image
from providers.aws.keys import key
from providers.aws.scope import Scope

_COMPONENT = "images"


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """The mirror of a stack. `prefix` is its path in the account's registry, as `make images` prints it."""

    scope: Scope
    prefix: str
    images: tuple[Image, ...]


class Registry(pulumi.ComponentResource):
    """Repositories that scan pushed images and never let a tag name another image later."""

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:aws:Registry", name, {}, opts)
        scope = args.scope
        encryption = key(_COMPONENT, "container images", scope, self)
        paths = sorted({_path(reference(image, args.prefix)) for image in args.images})
        for path in paths:
            ecr.Repository(
                path.removeprefix(f"{args.prefix}/").replace("/", "-"),
                # A contract: pods, and who fills the mirror, know it by this name.
                name=path,
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
                encryption_configurations=[
                    ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=encryption.arn)
                ],
                # Images are copies: their sources have them.
                force_delete=True,
                tags=scope.tags.of(_COMPONENT),
                opts=scope.options(self),
            )
        self.register_outputs({"repositories": paths})


def _path(name: str) -> str:
    """Returns the image's path without tag and digest."""
    return name.partition("@")[0].rpartition(":")[0] or name.partition("@")[0]
