"""The package's CSV files, and a spec."""

from pathlib import Path
from typing import Any

import pytest

from apps.pipelines.flights import source
from apps.pipelines.flights.errors import SourceError
from tests.apps.provisioner.servers import home


@pytest.fixture(scope="session")
def data() -> Path:
    """The directory of the CSV files; the test is skipped where the package is not installed."""
    try:
        return source.locate()
    except SourceError:
        return home("flights") / "src" / source.PACKAGE / "data"


@pytest.fixture
def spec() -> dict[str, Any]:
    return {
        "object_store": {"endpoint": "127.0.0.1:1", "access_key": "key", "secret_key": "s3-sentinel"},
        "catalog": {"uri": "http://127.0.0.1:1/iceberg", "warehouse": "warehouse"},
        "spark": {"master": "local[2]", "driver_host": "127.0.0.1", "auth_secret": "rpc-sentinel"},
        "trino": {"host": "127.0.0.1", "port": 1, "user": "flights"},
    }
