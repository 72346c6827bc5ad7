"""The names of container images, at their own registries or below one mirror."""

from components.software.model import Image


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
