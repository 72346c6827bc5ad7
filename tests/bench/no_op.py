"""`up.noop`: an `up` without changes, compared with an `up` of the same number of empty components."""

from pathlib import Path

from rich.console import Console

from infra.engine import state
from infra.engine.checkout import PROJECT
from tests.bench.figures import Figure, figure, median_pair
from tests.bench.processor_time import timed
from tests.bench.programs import Project
from tests.e2e.stack import Stack

AIM = 2.0
_PAIRS = 3
_UP = ("up", "--yes", "--skip-preview")
_PROGRAM = """\
import pulumi

for index in range({count}):
    pulumi.ComponentResource("bench:index:Empty", f"empty-{{index}}").register_outputs({{}})
"""


def measure(stack: Stack, tmp: Path, console: Console, pairs: int = _PAIRS) -> Figure:
    """Measure both in turns, `pairs` times, and return the median ratio. The stack must be up."""
    resources = state.deployment(stack.backend, PROJECT, stack.name)["resources"]
    count = len(resources) - 1  # each program has its stack besides
    empty = Project(tmp / "empty", "empty", _PROGRAM.format(count=count), stack)
    empty.run(*_UP)
    _nothing_to_do(stack)
    found = [(timed(lambda: _nothing_to_do(stack)), timed(lambda: empty.run(*_UP))) for _ in range(pairs)]
    each = ", ".join(f"{value:.2f}/{against:.2f}" for value, against in found)
    console.print(f"No-op up of {count} resources against as many empty components, s: {each}")
    value, against = median_pair(found)
    return figure("up.noop", value, "s", against, AIM)


def _nothing_to_do(stack: Stack) -> None:
    assert stack.up().changes == {}
