"""Defines how a cloud starts the servers that `power: parked` has stopped."""

from typing import Protocol


class PowerError(Exception):
    """The cloud did not answer, or refused."""


class Power(Protocol):
    """Starts servers in clouds whose provider cannot. `type` is the type of the resource that says in
    its `state` whether a server runs (`running`)."""

    type: str
    running: str

    def start(self, identifier: str) -> None:
        """Starts the server and waits until it runs; does nothing if it runs already. Raises PowerError."""
        ...
