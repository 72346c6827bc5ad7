"""Every rule of the pack."""

from policy.pack.model import Rule
from policy.pack.rules import cost, exposure, identity, images, lifecycle, pods, protection

RULES: tuple[Rule, ...] = (
    *exposure.RULES,
    *protection.RULES,
    *identity.RULES,
    *images.RULES,
    *pods.RULES,
    *lifecycle.RULES,
    *cost.RULES,
)
