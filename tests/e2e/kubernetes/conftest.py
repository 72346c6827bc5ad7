"""The fixtures of the tests on a cluster: the cluster, and the lab stack on it.

With KUBECONFIG it is the user's cluster, with images from NEBULA_TEST_MIRROR, or from their own registries
when that is not set. Without KUBECONFIG it is the testbed, which needs root and a `python -m tests.testbed
build` before.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from providers.local.paths import cache_directory
from tests.e2e.kubernetes.cluster import Cluster
from tests.e2e.kubernetes.lab import ClusterStack, settings
from tests.e2e.stack import Result
from tests.testbed.binaries import PROGRAMS, missing
from tests.testbed.images.software import MIRROR
from tests.testbed.testbed import Testbed


@dataclass(frozen=True)
class Lab:
    """The lab stack, the result of its first `up`, its cluster, and the objects that the cluster held
    before."""

    stack: ClusterStack
    first: Result
    cluster: Cluster
    before: frozenset[str]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if given := os.environ.get("KUBECONFIG"):
        found = Cluster(Path(given), os.environ.get("NEBULA_TEST_MIRROR"))
        yield found
        found.close()
        return
    if os.geteuid() != 0:
        pytest.skip("the testbed needs root; or set KUBECONFIG")
    if absent := missing(PROGRAMS, cache_directory()):
        pytest.skip(f"not built: {', '.join(map(str, absent))}; run: python -m tests.testbed build")
    testbed = Testbed()
    found_up = testbed.running()
    testbed.up(print)
    found = Cluster(testbed.kubeconfig, MIRROR)
    yield found
    found.close()
    if not found_up:
        testbed.down(print)


@pytest.fixture(scope="session")
def lab(cluster: Cluster) -> Iterator[Lab]:
    path = Path(tempfile.mkdtemp(prefix="nebula-"))
    before = frozenset(cluster.objects())
    stack = ClusterStack("lab", path, settings(cluster))
    try:
        yield Lab(stack, stack.up(), cluster, before)
    finally:
        stack.remove()
        shutil.rmtree(path)
