"""Properties are checked without a clock, as a busy machine is no failure; and a service with its NATS."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.apps.projections.nats_server import NatsServer, nats_server
from tests.apps.projections.running import Running

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    directory = tmp_path / "nats"
    directory.mkdir()
    with nats_server(directory) as server:
        server.add_stream("EVENTS", ["events.>"], allow_direct=True)
        yield server


@pytest.fixture
def running(tmp_path: Path, nats: NatsServer) -> Iterator[Running]:
    service = Running(tmp_path, nats)
    yield service.start()
    service.kill()
