"""The record of what a run changed."""

import logging

_log = logging.getLogger(__name__)


class Changes:
    """Each change, printed when it is made and kept for the result."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def add(self, change: str) -> None:
        _log.info(change)
        self.made.append(change)
