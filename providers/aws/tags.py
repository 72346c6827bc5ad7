"""The tags of every resource: whose it is, which part of which stack, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

PROJECT, STACK, COMPONENT = "project", "stack", "component"
OWNER, COST_CENTRE, TTL = "owner", "cost-centre", "ttl"
NEBULA = "nebula"
"""The value of PROJECT: what a stack is of, in an account that holds other things too."""


@dataclass(frozen=True, kw_only=True)
class Tags:
    """`owner`, `cost_centre` and `ttl` (the last day) are those of the stack's settings."""

    stack: str
    owner: str | None = None
    cost_centre: str | None = None
    ttl: date | None = None

    def of(self, component: str, name: str | None = None) -> Mapping[str, str]:
        """The tags of a resource of `component`; `name` is what the console shows."""
        known = {
            PROJECT: NEBULA,
            STACK: self.stack,
            COMPONENT: component,
            OWNER: self.owner,
            COST_CENTRE: self.cost_centre,
            TTL: self.ttl.isoformat() if self.ttl else None,
            "Name": name,
        }
        return {key: value for key, value in known.items() if value is not None}
