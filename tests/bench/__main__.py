"""`make bench`: brings a whole stack up beside other stacks, measures it, and takes it down.

With FRESH=1 it also measures `make up` on a machine without caches, which takes about a quarter of an hour.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from components.software import TABLE
from infra.stack_file import KEY
from providers.local.artifacts import install, locked_parts
from providers.local.paths import cache_directory
from tests.bench import fresh, kubernetes, memory, no_op, processor_time, projections, slope, warm_up
from tests.bench.figures import Failure, Figure, Row, show, write
from tests.bench.measurements import Measurement, taken
from tests.e2e.kubernetes.cluster import Cluster
from tests.e2e.stack import ROOT, Stack
from tests.testbed.binaries import PROGRAMS, missing
from tests.testbed.images.software import MIRROR
from tests.testbed.testbed import Testbed

PORT_OFFSET = 2000
RESULT = ROOT / "build" / "bench.json"


def main() -> int:
    """Print and write all figures. Returns 1 when one could not be taken, after the others."""
    console = Console()
    found: list[Row] = []
    try:
        for row in _rows(console):
            said = f"failed: {row.error}" if isinstance(row, Failure) else f"{row.ratio:.2f}"
            console.print(f"{row.name}: {said}", markup=False)
            found.append(row)
    finally:
        if found:
            write(found, RESULT)
            show(found, console)
            console.print(f"Written to {RESULT}", soft_wrap=True)
    return int(any(isinstance(row, Failure) for row in found))


def _rows(console: Console) -> Iterator[Row]:
    with scratch_directory() as tmp:
        yield from taken([Measurement(("platform",), partial(_platform, tmp, console))], console)
    with scratch_directory() as tmp:
        yield from taken(projections.measurements(tmp, console, projections.Scale()), console)
    if os.environ.get("FRESH") == "1":
        settings = {"local": {"port_offset": PORT_OFFSET}}
        with scratch_directory() as tmp:
            whole = partial(fresh.measure, tmp, settings, console)
            yield from taken([Measurement(("fresh",), whole)], console)


def _platform(tmp: Path, console: Console) -> Iterator[Row]:
    """Yield the figures of the local template without its demo."""
    template = yaml.safe_load((ROOT / "stacks" / "Pulumi.local.template.yaml").read_text())
    settings: dict[str, Any] = {**template["config"][KEY], "demo": False}
    stack = Stack("bench", tmp, settings, PORT_OFFSET)
    try:
        console.print("Completing the cache...")
        for software in (row for row in TABLE.values() if row.parts):
            install(software.name, software.version, locked_parts(software), cache_directory(), console.print)
        stack.preview()
        yield from taken(platform_measurements(stack, tmp, console), console)
    finally:
        stack.remove()


def platform_measurements(stack: Stack, tmp: Path, console: Console) -> list[Measurement]:
    """Return the measurements of the whole stack. The first one brings the stack up for the others."""
    idle: list[Figure] = []

    def warm() -> Iterator[Figure]:
        console.print("Bringing the platform up...")
        cores, line = processor_time.cores(), warm_up.record(stack)
        after = warm_up.dependencies(stack)
        warm_up.show(line, after, cores, console)
        yield from warm_up.figures(line, after, cores)

    def at_rest() -> list[Figure]:
        idle.append(memory.measure(stack, console))
        return idle

    def in_pods() -> Iterator[Figure]:
        assert idle, "memory.idle could not be taken, and is what pods are compared with"
        yield from _kubernetes(stack, idle[0].value, tmp, console)

    return [
        Measurement(("up.warm", "up.warm_with_tasks"), warm),
        Measurement(("up.noop",), lambda: [no_op.measure(stack, tmp, console)]),
        Measurement(("memory.idle",), at_rest),
        Measurement(kubernetes.NAMES, in_pods),
        Measurement(("preview.slope",), lambda: [slope.measure(stack, tmp, console)]),
    ]


def _kubernetes(stack: Stack, memory: float, tmp: Path, console: Console) -> Iterator[Figure]:
    """Yield the figures of the lab stack on a testbed, or none on a machine that cannot run one."""
    if os.geteuid() != 0 or missing(PROGRAMS, cache_directory()):
        console.print("kubernetes.*: left out; they need root and `python -m tests.testbed build`")
        return
    testbed = Testbed(tmp / "testbed")
    testbed.up(console.print)
    try:
        with closing(Cluster(testbed.kubeconfig, MIRROR)) as cluster:
            yield from kubernetes.measure(cluster, stack, memory, tmp, console)
    finally:
        testbed.down(console.print)


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Provide a directory with a short path that other users may enter."""
    path = Path(tempfile.mkdtemp(prefix="nebula-bench-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
