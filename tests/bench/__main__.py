"""`make bench`: brings a whole stack up beside whatever else runs, measures, and takes it down.

With FRESH=1 it also measures `make up` on a machine without caches, which takes long.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from components.software import TABLE
from infra.stack_file import KEY
from providers.local.artifacts import install, locked_parts
from providers.local.paths import cache_directory
from tests.bench import fresh, kubernetes, memory, no_op, processor_time, projections, slope, warm_up
from tests.bench.figures import Figure, show, write
from tests.e2e.kubernetes.cluster import Cluster
from tests.e2e.stack import ROOT, Stack
from tests.testbed.binaries import PROGRAMS, missing
from tests.testbed.images.software import MIRROR
from tests.testbed.testbed import Testbed

PORT_OFFSET = 2000
RESULT = ROOT / "build" / "bench.json"


def main() -> int:
    console = Console()
    found: list[Figure] = []
    try:
        with _scratch_directory() as tmp:
            for figure in _platform(tmp, console):
                console.print(f"{figure.name}: {figure.ratio:.2f}")
                found.append(figure)
        with _scratch_directory() as tmp:
            for figure in projections.measure(tmp, console):
                console.print(f"{figure.name}: {figure.ratio:.2f}")
                found.append(figure)
        if os.environ.get("FRESH") == "1":
            with _scratch_directory() as tmp:
                found += fresh.measure(tmp, {"local": {"port_offset": PORT_OFFSET}}, console)
    finally:
        # What was measured before something failed is worth having.
        if found:
            write(found, RESULT)
            show(found, console)
            console.print(f"Written to {RESULT}", soft_wrap=True)
    return 0


def _platform(tmp: Path, console: Console) -> Iterator[Figure]:
    """The figures of the local template without its demo."""
    template = yaml.safe_load((ROOT / "stacks" / "Pulumi.local.template.yaml").read_text())
    settings: dict[str, Any] = {**template["config"][KEY], "demo": False}
    stack, cores = Stack("bench", tmp, settings, PORT_OFFSET), processor_time.cores()
    try:
        console.print("Completing the cache...")
        for software in (row for row in TABLE.values() if row.parts):
            install(software.name, software.version, locked_parts(software), cache_directory(), console.print)
        stack.preview()
        console.print("Bringing the platform up...")
        line = warm_up.record(stack)
        after = warm_up.dependencies(stack)
        warm_up.show(line, after, cores, console)
        yield from warm_up.figures(line, after, cores)
        yield no_op.measure(stack, tmp, console)
        idle = memory.measure(stack, console)
        yield idle
        yield from _kubernetes(stack, idle.value, tmp, console)
        yield slope.measure(stack, tmp, console)
    finally:
        stack.remove()


def _kubernetes(stack: Stack, memory: float, tmp: Path, console: Console) -> Iterator[Figure]:
    """The figures of the lab on a testbed of our own; none where that cannot run."""
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
def _scratch_directory() -> Iterator[Path]:
    """A short path that an unprivileged server may pass."""
    path = Path(tempfile.mkdtemp(prefix="nebula-bench-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
