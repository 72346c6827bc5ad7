"""What every resource of a cloud says of itself: whose it is, which part of which stack, and until when."""

from dataclasses import dataclass
from datetime import date

PROJECT, STACK, COMPONENT = "project", "stack", "component"
OWNER, COST_CENTRE, TTL = "owner", "cost-centre", "ttl"
NEBULA = "nebula"
"""The value of PROJECT: what a stack is of, in an account that holds other things too."""


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """`owner`, `cost_centre` and `ttl` (the last day) are those of the stack's settings. Each cloud writes
    them in its own way, under the same keys."""

    stack: str
    owner: str | None = None
    cost_centre: str | None = None
    ttl: date | None = None

    def known(self, component: str) -> dict[str, str]:
        """Of a resource of `component`: what is said, by key."""
        values = {
            PROJECT: NEBULA,
            STACK: self.stack,
            COMPONENT: component,
            OWNER: self.owner,
            COST_CENTRE: self.cost_centre,
            TTL: self.ttl.isoformat() if self.ttl else None,
        }
        return {key: value for key, value in values.items() if value}
