"""The fixtures of this folder: an API server, and what the whole testbed needs."""

import contextlib
from collections.abc import Iterator

import pytest

from providers.local.paths import cache_directory
from tests.testbed.binaries import API_PROGRAMS, missing
from tests.testbed.client import Client
from tests.testbed.control_plane import ControlPlane


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    if missing(API_PROGRAMS, cache_directory()):
        pytest.skip("the API server is not built: python -m tests.testbed build --api-only")
    with ControlPlane(tmp_path_factory.mktemp("testbed") / "control-plane") as started:
        yield started


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[Client]:
    with contextlib.closing(Client(control_plane.kubeconfig)) as client:
        yield client
