"""Names container images, at their own registries or below one mirror, and says how our own are built.

`image_digests.json` holds the digests of the images that others publish; `make lock` renews it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

from components.software.build_context import sources
from components.software.model import Image, Software

DIGESTS = Path(__file__).with_name("image_digests.json")
_CONTEXT = Path(__file__).parents[2]
_Name = TypeVar("_Name")


def reference(image: Image, mirror: str | None) -> str:
    """Returns the name that pods pull `image` by.

    A `mirror` (`registry.example/nebula`) takes the place of the registry's host:
    `quay.io/keycloak/keycloak:26` becomes `registry.example/nebula/keycloak/keycloak:26`. The mirror answers
    for its tags, since a copy may hold one platform of several and has another digest then. Without a mirror
    the name ends with the digest, where one is known. The tag of an image of ours ends with its `content`.
    """
    name = image.reference if image.build is None else f"{image.reference}-{content(image)}"
    return f"{mirror}/{split_host(name)[1]}" if mirror else pinned(name)


def split_host(name: str) -> tuple[str | None, str]:
    """Returns the registry's host in the name of an image, or None without one, and the rest of the name."""
    first, slash, rest = name.partition("/")
    # A first part with a dot, a port, or this name is a host: distribution/reference's own rule.
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return (first, rest) if is_host else (None, name)


def pinned(name: str) -> str:
    """Returns `name` with the digest of `image_digests.json`, or as it is when that file has none for it."""
    digest = digests().get(name)
    return f"{name}@{digest}" if digest else name


def source(image: Image) -> str:
    """Returns the name to copy a published `image` by: by digest alone where one is known, as skopeo takes
    it."""
    digest = digests().get(image.reference)
    return f"{image.reference.rpartition(':')[0]}@{digest}" if digest else image.reference


@cache
def digests(lock: Path = DIGESTS) -> Mapping[str, str]:
    """Returns the known digests (`sha256:…`), by the name and tag of the image."""
    return dict(json.loads(lock.read_text(encoding="utf-8")))


def published(rows: Iterable[Software]) -> set[str]:
    """Returns the images that `rows` take from registries of others: to run them, or to build on them."""
    names: set[str] = set()
    for row in rows:
        build = row.image.build
        stages = [build.base, *build.stages.values()] if build else [row.image.reference]
        names |= {stage for stage in stages if isinstance(stage, str)}
    return names


def content(image: Image) -> str:
    """Returns forty bits, in hexadecimal, of a digest of all that an image of ours is built from: its
    Dockerfile, the files that it copies, its arguments. Times and modes of files do not count, so each clone
    has the same. Raises ValueError for an image that is not ours.
    """
    if image.build is None:
        raise _not_built_here(image)
    arguments = build_arguments(image, lambda other: reference(other, None))
    inputs = [_files(image.build.path), sorted(arguments.items())]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:10]


def build_arguments(image: Image, name_of: Callable[[Image], _Name]) -> dict[str, str | _Name]:
    """Returns the arguments for the Dockerfile of an image of ours, by their names.

    `name_of` names another image of ours that it copies from. Published images are named with their digests,
    where they are known. Raises ValueError for an image that is not ours.
    """
    build = image.build
    if build is None:
        raise _not_built_here(image)
    stages = {
        argument: pinned(stage) if isinstance(stage, str) else name_of(stage)
        for argument, stage in build.stages.items()
    }
    return {"BASE": pinned(build.base), "UID": str(image.user), **stages, **build.args}


@cache
def _files(dockerfile: str) -> list[tuple[str, str]]:
    """Returns the path and the sha256 of each file that the Dockerfile takes in."""
    paths = sources(dockerfile, _CONTEXT)
    return [(path, hashlib.sha256((_CONTEXT / path).read_bytes()).hexdigest()) for path in paths]


def _not_built_here(image: Image) -> ValueError:
    return ValueError(f"{image.reference} is not built here: it has no Dockerfile. Pull it instead.")
