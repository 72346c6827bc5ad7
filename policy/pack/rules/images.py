"""Rules for the registries of container images."""

import re
from collections.abc import Iterator

from policy.pack.facts.pods import containers
from policy.pack.model import UNKNOWN, Resource, Rule, Stack

_REFERENCE = re.compile(r"^(?P<name>.+?)(:(?P<tag>[\w.-]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?$")
_DEAD = {
    "bitnamilegacy": re.compile(r"(^|/)bitnamilegacy/"),
    "docker.io/bitnami": re.compile(r"^docker\.io/bitnami/"),
    "docker.io/minio": re.compile(r"^docker\.io/minio/"),
    "quay.io/minio": re.compile(r"^quay\.io/minio/"),
    "k8s.gcr.io": re.compile(r"^k8s\.gcr\.io/"),
}
"""Places that publish no more fixes, or nothing any more."""


def images_pinned(resource: Resource, stack: Stack) -> Iterator[str]:
    for image in _images(resource):
        found = _REFERENCE.match(image)
        if found and not found["digest"] and found["tag"] in (None, "latest"):
            yield f"{resource.kind} runs {image}, which changes by itself: give it a version or a digest"


def no_dead_image_source(resource: Resource, stack: Stack) -> Iterator[str]:
    for image in _images(resource):
        for source, pattern in _DEAD.items():
            if pattern.search(_full_name(image)):
                yield f"{resource.kind} runs {image}: {source} is no longer maintained; take another source"


def _images(resource: Resource) -> Iterator[str]:
    for container in containers(resource):
        image = container.spec.get("image")
        if image is not None and image is not UNKNOWN:
            yield str(image)


def _full_name(image: str) -> str:
    """Returns the image's name with the registry that Docker adds to a name without one."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


RULES = (
    Rule(
        "images-pinned",
        "Container images have a version or a digest.",
        resource=images_pinned,
        development="advisory",
    ),
    Rule(
        "no-dead-image-source",
        "No container image comes from where nobody maintains it.",
        resource=no_dead_image_source,
    ),
)
