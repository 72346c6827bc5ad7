"""Servers of a cloud that `power: parked` stops: the interface behind which each cloud starts them again."""

from typing import Protocol


class PowerError(Exception):
    """The cloud did not answer, or refused."""


class Power(Protocol):
    """For clouds that start a server by themselves, or whose provider cannot start one. `type` is that of
    the resource by which the program says whether a server runs; its `state` is then `running`."""

    type: str
    running: str

    def start(self, identifier: str) -> None:
        """Start the server and wait until it runs; nothing when it does. Raises PowerError."""
        ...
