"""The fixtures of the end-to-end tests, and the order in which their modules run."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.full import FullStack, settings
from tests.e2e.private_directories import PrivateDirectories
from tests.e2e.stack import Stack

_FULL_STACK = (
    "test_platform",
    "test_keycloak",
    "test_lakehouse",
    "test_flights",
    "test_changes",
    "test_secrets",
    "test_down",
)
"""Modules that share the full stack, in the order in which they use it up."""
_PORT_OFFSET = 500


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the modules that use the full stack first, so that it is down when other modules start their own
    stacks."""
    here = Path(__file__).parent
    places = [index for index, item in enumerate(items) if item.path.parent == here]
    ordered = sorted((items[index] for index in places), key=_rank)
    for index, item in zip(places, ordered, strict=True):
        items[index] = item


def _rank(item: pytest.Item) -> int:
    name = item.path.stem
    return _FULL_STACK.index(name) if name in _FULL_STACK else len(_FULL_STACK)


@contextmanager
def _passable_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="nebula-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@pytest.fixture(scope="module")
def scratch_directory() -> Iterator[Path]:
    """Provide a directory with a short path that other users may enter; pytest's own are long and closed."""
    with _passable_directory() as path:
        yield path


@pytest.fixture(scope="session")
def full() -> Iterator[FullStack]:
    """Provide the whole platform, stood up by one `pulumi up` that succeeded."""
    with _passable_directory() as path:
        places = PrivateDirectories.make(path / "places")
        stack = Stack("full", path, settings(_PORT_OFFSET), _PORT_OFFSET, places=places)
        try:
            yield FullStack.up(stack)
        finally:
            stack.remove()


@pytest.fixture(scope="session")
def port_offset() -> int:
    """Return the port offset of the full stack, and of the stacks that run after it."""
    return _PORT_OFFSET
