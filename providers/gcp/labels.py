"""Labels: what every resource that can carry some says of itself."""

import re
from dataclasses import dataclass
from datetime import date

PROJECT, STACK, COMPONENT = "project", "stack", "component"
OWNER, COST_CENTRE, TTL = "owner", "cost-centre", "ttl"
NEBULA = "nebula"
"""The value of PROJECT: what a stack is of, in a project of Google's that holds other things too."""

_LONGEST = 63
_FOREIGN = re.compile(r"[^a-z0-9_-]")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Of one stack. A value that Google does not admit is written in the characters that it does
    (https://cloud.google.com/compute/docs/labeling-resources#requirements)."""

    stack: str
    owner: str | None = None
    cost_centre: str | None = None
    ttl: date | None = None

    def of(self, component: str) -> dict[str, str]:
        """Those of a resource of `component`."""
        known = {
            PROJECT: NEBULA,
            STACK: self.stack,
            COMPONENT: component,
            OWNER: self.owner,
            COST_CENTRE: self.cost_centre,
            TTL: self.ttl.isoformat() if self.ttl else None,
        }
        return {key: _value(value) for key, value in known.items() if value}


def _value(text: str) -> str:
    return _FOREIGN.sub("-", text.lower())[:_LONGEST]
