"""Order of the tests, and how they are spread over processes.

In one process, what runs real stacks comes last, when everything cheaper has passed. Side by side (`-n`), the
longest modules come first.
"""

import signal
from pathlib import Path

import pytest

from tests import side_by_side

_HERE = Path(__file__).parent
_END_TO_END = _HERE / "e2e"


def pytest_configure() -> None:
    """Tests press Ctrl-C on what they start, which a shell's background job (`make test &`) would ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_END_TO_END):
            item.add_marker("e2e")
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: side_by_side.rank(item.path.relative_to(_HERE.parent)))
    else:
        items.sort(key=lambda item: item.path.is_relative_to(_END_TO_END))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return side_by_side.processes()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    return side_by_side.WholeModules(config, log)
