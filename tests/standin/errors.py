"""The stand-ins' exceptions. Every message says what is wrong, where, and what to do."""

from typing import Any


class StandinError(Exception):
    """Base class: an operation on an object failed. Its text is shown to the user unchanged."""


class UnreachableError(StandinError):
    """The API server did not answer, or the kubeconfig does not name one."""


class UnknownKindError(StandinError):
    """The API server does not know this apiVersion and kind."""


class RefusedError(StandinError):
    """The API server refused a request with the HTTP status `status`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def not_found(self) -> bool:
        return self.status == 404


class UnreadyError(StandinError):
    """An object exists but did not become ready. `live` is the object as it was last read."""

    def __init__(self, message: str, live: dict[str, Any]) -> None:
        super().__init__(message)
        self.live = live
