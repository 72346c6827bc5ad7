"""Order of the tests: what runs real stacks comes last, when everything cheaper has passed.

Before that, modules run side by side where pytest is told so (`-n`): each in one process, with its fixtures.
"""

import signal
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_END_TO_END = _HERE / "e2e"


def pytest_configure() -> None:
    """Tests press Ctrl-C on what they start, which a shell's background job (`make test &`) would ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_END_TO_END):
            item.add_marker("e2e")
    items.sort(key=lambda item: item.path.is_relative_to(_END_TO_END))
