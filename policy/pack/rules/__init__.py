"""Every rule of the pack."""

from policy.pack.model import Rule
from policy.pack.rules import (
    buckets,
    cost,
    exposure,
    identity,
    images,
    judgeable,
    lifecycle,
    pods,
    protection,
    proxies,
    secrets,
)

RULES: tuple[Rule, ...] = (
    *exposure.RULES,
    *buckets.RULES,
    *protection.RULES,
    *proxies.RULES,
    *identity.RULES,
    *secrets.RULES,
    *images.RULES,
    *pods.RULES,
    *lifecycle.RULES,
    *cost.RULES,
    *judgeable.RULES,
)
