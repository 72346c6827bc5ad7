"""Whole stacks run against mocks, each once in a session: a run takes seconds, and most tests ask the same
few for what they have registered. A run is for looking at: nobody changes what is in it."""

from collections.abc import Callable, Hashable
from functools import cache
from unittest import mock

from infra.settings import Settings
from providers.kubernetes import files
from tests.mocked_program import Run

_stretched = cache(files.stretched)
"""Slow on purpose, it is half of a run; and most of what it is given is the same in every stack."""
_made: dict[Hashable, list[tuple[Settings, Run]]] = {}


def once(kind: Hashable, settings: Settings, run: Callable[[], Run]) -> Run:
    """The run of the stack that `kind` names with `settings`, made by `run` when there is none yet."""
    made = _made.setdefault(kind, [])
    # By being equal: settings hold secrets, which have no text to go by.
    for known, found in made:
        if known == settings:
            return found
    with mock.patch.object(files, "stretched", _stretched):
        found = run()
    made.append((settings, found))
    return found
