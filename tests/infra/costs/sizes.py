"""What each size costs, on and parked: the table of docs/costs.md, from the estimator over mocked stacks.

`python -m tests.infra.costs.sizes` renews it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import get_args

from components.sizing import Size
from infra.costs import Estimate, estimate, from_deployment
from tests.infra import aws_stack, gcp_stack
from tests.mocked_program import Run

DOCUMENT = Path(__file__).parents[3] / "docs" / "costs.md"
STACKS: Mapping[str, Callable[[str, Mapping[str, object]], Run]] = {
    "aws-dev": aws_stack.run,
    "gcp-dev": gcp_stack.run,
}
"""A stack file of each cloud, and what runs it against mocks."""
_TABLE = re.compile(r"(?<=<!-- sizes -->\n).*?(?=<!-- end -->)", re.DOTALL)


def estimated(run: Run) -> Estimate:
    """The estimate of what a program registered."""
    resources = [
        {"urn": each.urn, "type": each.type, "inputs": each.inputs, "parent": each.parent}
        for each in run.resources.values()
    ]
    return estimate(from_deployment({"resources": resources}))


def rows() -> Sequence[Sequence[str]]:
    found = []
    for stack, run in STACKS.items():
        for size in get_args(Size):
            on, parked = (estimated(run(stack, {"size": size, "power": power})) for power in ("on", "parked"))
            (region,) = on.priced_elsewhere or ("its own",)
            found.append(
                (
                    stack,
                    size,
                    _dollars(on.total),
                    _dollars(parked.total),
                    ", ".join(_unpriced(on)) or "—",
                    region,
                )
            )
    return found


def _unpriced(found: Estimate) -> list[str]:
    """What is missing in the total."""
    return sorted({f"`{each.what}`" for each in found.unpriced})


def _dollars(amount: Decimal) -> str:
    return f"{amount:,.0f}"


def table() -> str:
    head = ("stack file", "size", "on", "parked", "no price", "prices of")
    lines = [head, ("---", "---", "---:", "---:", "---", "---"), *rows()]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def documented() -> str:
    found = _TABLE.search(DOCUMENT.read_text())
    assert found is not None, f"{DOCUMENT} has no table of sizes"
    return found[0]


if __name__ == "__main__":
    DOCUMENT.write_text(_TABLE.sub(lambda _: table(), DOCUMENT.read_text()))
