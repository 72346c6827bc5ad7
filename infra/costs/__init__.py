"""What a stack costs each month, as far as the price tables know.

    resources = from_preview(json.loads(document))   # or from_events, from_deployment
    found = estimate(resources)
    found.total, found.by_component, found.as_dict()

The command: `python -m infra.costs --preview preview.json`.
"""

from infra.costs.estimate import ByUse, Estimate, Line, Unpriced, estimate
from infra.costs.resources import from_deployment, from_events, from_preview

__all__ = [
    "ByUse",
    "Estimate",
    "Line",
    "Unpriced",
    "estimate",
    "from_deployment",
    "from_events",
    "from_preview",
]
