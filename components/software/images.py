"""The names of container images, at their own registries or below one mirror, and how ours are built."""

from collections.abc import Callable
from typing import TypeVar

from components.software.model import Image

_Name = TypeVar("_Name")


def reference(image: Image, mirror: str | None) -> str:
    """The name to pull `image` by. Below a `mirror` (`registry.example/nebula`) the registry's host
    gives way to it: `quay.io/keycloak/keycloak:26` is `registry.example/nebula/keycloak/keycloak:26`.
    """
    if not mirror:
        return image.reference
    first, slash, rest = image.reference.partition("/")
    # A first part with a dot, a port, or this name is a host: distribution/reference's own rule.
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return f"{mirror}/{rest if is_host else image.reference}"


def build_arguments(image: Image, name_of: Callable[[Image], _Name]) -> dict[str, str | _Name]:
    """What the Dockerfile of an image of ours is given. `name_of` says what another of ours, which it
    copies from, is called."""
    build = image.build
    if build is None:
        raise ValueError(f"{image.reference} is not built here: it has no Dockerfile")
    stages = {
        argument: stage if isinstance(stage, str) else name_of(stage)
        for argument, stage in build.stages.items()
    }
    return {"BASE": build.base, "UID": str(image.user), **stages, **build.args}
