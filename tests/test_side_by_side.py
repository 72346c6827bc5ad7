"""How modules of tests are spread over processes."""

from pathlib import Path

from tests import side_by_side

_ROOT = Path(__file__).resolve().parents[1]


def test_modules_that_are_named_are_there() -> None:
    """A module that was renamed would be run late, or apart from those that it shares with."""
    assert side_by_side.NAMED
    assert [module for module in side_by_side.NAMED if not (_ROOT / module).exists()] == []
