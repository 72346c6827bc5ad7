"""What can go wrong, and whether to try again."""

from apps.kit.errors import AppError


class ProjectionError(AppError):
    """The root of the errors of this app."""


class StreamChangedError(ProjectionError):
    """The stream is no longer the one that the views were made from. Trying again cannot help."""

    exit_code = 3


class StoreError(ProjectionError):
    """The store cannot be read or written."""


class StoreGoneError(StoreError):
    """There is no such store: its generation was retired. Trying again cannot help."""


class ConflictError(StoreError):
    """Somebody else has committed since the batch was read. Nothing was written."""


class GapError(ProjectionError):
    """A delivery is not the one that must come next: the consumer is to be reset."""


class ConnectionLostError(ProjectionError):
    """NATS cannot be reached, or the connection ended."""


class RefusedError(ProjectionError):
    """NATS refused a request; the message has its reason."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class QueryError(ProjectionError):
    """The query cannot be answered; the message says how to ask instead."""


class OverdueError(ProjectionError):
    """The query took longer than it may."""


class KeyFormatError(ProjectionError):
    """A key is not one of ours, or a name cannot be part of one."""


class ProgramError(ProjectionError):
    """A projection program cannot be loaded."""
