"""Decides which stacks protect their data; every cloud's stateful resources follow this rule."""

from components.sizing import Size


def is_protected(size: Size) -> bool:
    """Returns True if Pulumi and the cloud must refuse to destroy stateful resources, and a last
    snapshot is taken if they are destroyed nevertheless."""
    return size == "production"
