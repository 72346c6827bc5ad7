"""`preview.slope`: the time that one more workload adds to a preview, with many workloads compared with
few."""

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path

from rich.console import Console

from tests.bench.figures import Figure, figure
from tests.bench.processor_time import timed
from tests.bench.programs import Project
from tests.e2e.stack import ROOT, Stack

AIM = 1.5
"""The aim for the ratio of the slopes over 10, 100, 1000: linear growth has 1, n log n 1.3, quadratic 10."""
_ROUNDS = ((10, 100, 1000), (10, 100, 1000), (10, 100), (10, 100))
"""In turns, so that whatever else runs meanwhile slows all numbers alike."""
_PROGRAM = """\
import os
import sys
from pathlib import Path

sys.path.insert(0, {root!r})

import pulumi

from components.base import Command, Readiness, Resources, Workload
from components.software import NATS
from providers.local.cluster import LocalCluster
from providers.local.ports import PortTable
from providers.local.resources import Host, Plugin

plugin = Plugin("local")
host = Host(
    "local", directory={directory!r}, ports={{}}, keep_data=False, parked=False,
    opts=pulumi.ResourceOptions(provider=plugin),
)
cluster = LocalCluster(plugin, host, Path({cache!r}), PortTable(()), port_offset=0)
for index in range(int(os.environ["WORKLOADS"])):
    workload = Workload(
        name=f"server-{{index}}",
        software=NATS,
        command=("nats-server", "--config", "{{run}}/nats.conf"),
        files={{"nats.conf": "listen: {{bind}}:0"}},
        readiness=Readiness(Command(("nats-server", "--version"))),
        resources=Resources(cpu=1, memory=64),
    )
    cluster.run(workload, host)
"""


def measure(beside: Stack, tmp: Path, console: Console) -> Figure:
    """Measure previews of a stack that does not exist, with 10 to 1000 workloads."""
    seconds = previews(beside, tmp, chain.from_iterable(_ROUNDS))
    each = ", ".join(f"{count}: {taken:.2f}" for count, taken in seconds.items())
    console.print(f"Preview of as many workloads, s: {each}")
    return slope(seconds)


def previews(beside: Stack, tmp: Path, counts: Iterable[int]) -> dict[int, float]:
    """Return the seconds of a preview for each number of workloads. The fastest run of each number counts."""
    program = _PROGRAM.format(root=str(ROOT), directory=str(tmp / "slope-stack"), cache=str(tmp / "cache"))
    project = Project(tmp / "slope", "slope", program, beside, provider=True)
    runs: dict[int, list[float]] = {}
    for count in counts:
        runs.setdefault(count, []).append(timed(partial(_preview, project, count)))
    return {count: min(taken) for count, taken in runs.items()}


def slope(seconds: Mapping[int, float]) -> Figure:
    """Return the figure from the seconds of three numbers of workloads: milliseconds per workload between the
    larger two, compared with those between the smaller two."""
    few, some, many = sorted(seconds)
    here = 1000 * (seconds[many] - seconds[some]) / (many - some)
    before = 1000 * (seconds[some] - seconds[few]) / (some - few)
    return figure("preview.slope", here, "ms", before, AIM)


def _preview(project: Project, count: int) -> None:
    project.run("preview", "--suppress-outputs", variables={"WORKLOADS": str(count)})
