"""Builds the platform's own images in the program, and pushes them to the mirror."""

from pathlib import Path

import pulumi
import pulumi_docker as docker

from components.software.images import build_arguments, reference
from components.software.model import Dockerfile, Image

# What most nodes are, whatever the machine is that builds.
_PLATFORM = "linux/amd64"


class Built:
    """Builds one of the platform's own images from `checkout` when a pod first needs it, with Docker on
    the machine that runs the program, and pushes it with Docker's login. Pods name it by its digest,
    so other content rolls them. All other images must be in the mirror already."""

    def __init__(self, name: str, mirror: str, checkout: Path) -> None:
        self._mirror = mirror
        self._checkout = checkout
        self._opts = pulumi.ResourceOptions(provider=docker.Provider(name))
        self._images: dict[str, docker.Image] = {}

    def name(self, image: Image) -> pulumi.Input[str]:
        name = reference(image, self._mirror)
        if image.build is None:
            return name
        if name not in self._images:
            self._images[name] = self._build(name, image, image.build)
        return self._images[name].repo_digest

    def _build(self, name: str, image: Image, build: Dockerfile) -> docker.Image:
        return docker.Image(
            name.rpartition("/")[2].partition(":")[0],
            image_name=name,
            build=docker.DockerBuildArgs(
                context=str(self._checkout),
                dockerfile=str(self._checkout / build.path),
                args=build_arguments(image, self.name),
                platform=_PLATFORM,
            ),
            opts=self._opts,
        )
