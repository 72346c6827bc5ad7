"""Estimates what a stack costs each month, from the price tables of its cloud.

    resources = from_preview(json.loads(document))   # or from_events, from_deployment
    found = estimate(resources)
    found.total, found.by_component, found.as_dict()

The same on the command line: `python -m infra.costs --preview preview.json`.
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
