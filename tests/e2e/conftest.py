"""Fixtures of the end-to-end tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def scratch_directory() -> Iterator[Path]:
    """A short path that an unprivileged server may pass: pytest's own directories are closed and long."""
    path = Path(tempfile.mkdtemp(prefix="nebula-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)
