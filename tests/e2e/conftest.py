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
from tests.port_offsets import leased_offset
from tests.side_by_side import FULL_STACK


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
    return FULL_STACK.index(name) if name in FULL_STACK else len(FULL_STACK)


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
    """The whole platform, up since a first `pulumi up` that ended with 0."""
    with _passable_directory() as path, leased_offset() as offset:
        places = PrivateDirectories.make(path / "places")
        stack = Stack("full", path, settings(offset), offset, places=places)
        try:
            yield FullStack.up(stack)
        finally:
            stack.remove()


@pytest.fixture(scope="module")
def port_offset() -> Iterator[int]:
    """Of the module's own stack: no other test has its ports meanwhile."""
    with leased_offset() as offset:
        yield offset
