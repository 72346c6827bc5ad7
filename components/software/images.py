"""The names of container images, at their own registries or below one mirror, and how ours are built."""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from components.software.build_context import sources
from components.software.model import Image

_CONTEXT = Path(__file__).parents[2]
_Name = TypeVar("_Name")


def reference(image: Image, mirror: str | None) -> str:
    """The name to pull `image` by. Below a `mirror` (`registry.example/nebula`) the registry's host
    gives way to it: `quay.io/keycloak/keycloak:26` is `registry.example/nebula/keycloak/keycloak:26`.
    The tag of an image of ours ends with its `content`.
    """
    name = image.reference if image.build is None else f"{image.reference}-{content(image)}"
    if not mirror:
        return name
    first, slash, rest = name.partition("/")
    # A first part with a dot, a port, or this name is a host: distribution/reference's own rule.
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return f"{mirror}/{rest if is_host else name}"


def content(image: Image) -> str:
    """Forty bits of a digest of all that an image of ours is built from: its Dockerfile, the files that it
    copies, its arguments. Times and modes of files are no part of it: each clone has the same."""
    if image.build is None:
        raise _not_built_here(image)
    arguments = build_arguments(image, lambda other: reference(other, None))
    inputs = [_files(image.build.path), sorted(arguments.items())]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:10]


def build_arguments(image: Image, name_of: Callable[[Image], _Name]) -> dict[str, str | _Name]:
    """What the Dockerfile of an image of ours is given. `name_of` says what another of ours, which it
    copies from, is called."""
    build = image.build
    if build is None:
        raise _not_built_here(image)
    stages = {
        argument: stage if isinstance(stage, str) else name_of(stage)
        for argument, stage in build.stages.items()
    }
    return {"BASE": build.base, "UID": str(image.user), **stages, **build.args}


@cache
def _files(dockerfile: str) -> list[tuple[str, str]]:
    """A path and a digest of each."""
    paths = sources(dockerfile, _CONTEXT)
    return [(path, hashlib.sha256((_CONTEXT / path).read_bytes()).hexdigest()) for path in paths]


def _not_built_here(image: Image) -> ValueError:
    return ValueError(f"{image.reference} is not built here: it has no Dockerfile")
