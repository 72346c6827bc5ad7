"""Says in a cloud's tags or labels whose a resource is, which part of which stack, and until when it is
needed."""

from dataclasses import dataclass
from datetime import date

PROJECT, STACK, COMPONENT = "project", "stack", "component"
OWNER, COST_CENTRE, TTL = "owner", "cost-centre", "ttl"
NEBULA = "nebula"
"""The value of PROJECT: what a stack is of, in an account that holds other things too."""


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """The owner of a stack's resources. `owner`, `cost_centre` and `ttl` (the last day) come from the
    stack's settings. Each cloud writes them in its own form under the same keys."""

    stack: str
    owner: str | None = None
    cost_centre: str | None = None
    ttl: date | None = None

    def known(self, component: str) -> dict[str, str]:
        """Returns the tags of a resource of `component`, by key."""
        values = {
            PROJECT: NEBULA,
            STACK: self.stack,
            COMPONENT: component,
            OWNER: self.owner,
            COST_CENTRE: self.cost_centre,
            TTL: self.ttl.isoformat() if self.ttl else None,
        }
        return {key: value for key, value in values.items() if value}
