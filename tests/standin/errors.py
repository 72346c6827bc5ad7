"""What can go wrong in a stand-in. Every message says what happened, where, and what to do."""

from typing import Any


class StandinError(Exception):
    """An operation on an object failed; its text is shown to the user as it is."""


class UnreachableError(StandinError):
    """No API server answered, or the kubeconfig names none."""


class UnknownKindError(StandinError):
    """The API server has no such apiVersion and kind."""


class RefusedError(StandinError):
    """The API server refused a request with the HTTP status `status`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def not_found(self) -> bool:
        return self.status == 404


class UnreadyError(StandinError):
    """An object exists but did not become ready; `live` is its last known form."""

    def __init__(self, message: str, live: dict[str, Any]) -> None:
        super().__init__(message)
        self.live = live
