"""Which stacks keep what they hold: the one rule that every cloud's stateful resources follow."""

from components.sizing import Size


def is_protected(size: Size) -> bool:
    """Whether stateful resources refuse to be destroyed, by Pulumi and by the cloud, and leave a last
    snapshot when they are after all."""
    return size == "production"
