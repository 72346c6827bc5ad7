"""Names the images that pods run."""

from typing import Protocol

import pulumi

from components.software.images import reference
from components.software.model import Image


class Images(Protocol):
    """Returns the name by which pods pull an image."""

    def name(self, image: Image) -> pulumi.Input[str]: ...


class Published:
    """Pulls each image from its own registry, or all of them from a mirror."""

    def __init__(self, mirror: str | None) -> None:
        self._mirror = mirror

    def name(self, image: Image) -> pulumi.Input[str]:
        return reference(image, self._mirror)
