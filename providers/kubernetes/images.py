"""The images that pods run."""

from typing import Protocol

import pulumi

from components.software.images import reference
from components.software.model import Image


class Images(Protocol):
    """What a pod pulls an image by."""

    def name(self, image: Image) -> pulumi.Input[str]: ...


class Published:
    """Images are where their own names say, or all in a mirror."""

    def __init__(self, mirror: str | None) -> None:
        self._mirror = mirror

    def name(self, image: Image) -> pulumi.Input[str]:
        return reference(image, self._mirror)
