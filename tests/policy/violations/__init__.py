"""Resources of the typed SDKs that each violate one rule, for the real engine to hand to the pack."""

from collections.abc import Callable

import pulumi

Make = Callable[[str, pulumi.ResourceOptions], object]
"""Registers a resource of the name."""
Violations = dict[str, list[Make]]
"""By the rule that each violates."""


def named(where: str, violations: Violations) -> list[tuple[str, str, Make]]:
    """Each resource: its name, the rule that it violates, and what registers it."""
    return [
        (f"{where}-{rule}-{index}", rule, make)
        for rule, makes in violations.items()
        for index, make in enumerate(makes)
    ]


def register(where: str, violations: Violations, opts: pulumi.ResourceOptions) -> None:
    for name, _, make in named(where, violations):
        make(name, opts)
