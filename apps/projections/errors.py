"""The errors of this app. Each says whether it helps to try again."""

from apps.kit.errors import AppError


class ProjectionError(AppError):
    """The base of all errors of this app."""


class StreamChangedError(ProjectionError):
    """The stream is no longer the one that the views were built from. To try again does not help."""

    exit_code = 3


class StoreError(ProjectionError):
    """The store cannot be read or written now. It may help to try again."""


class StoreGoneError(StoreError):
    """The store does not exist, because its generation was retired. To try again does not help."""


class ConflictError(StoreError):
    """Another process has committed since the checkpoint was read. Nothing was written; read it and try
    again."""


class GapError(ProjectionError):
    """A delivery is not the one that must come next. The consumer has to be made anew."""


class ConnectionLostError(ProjectionError):
    """NATS cannot be reached, or the connection to it ended. Connect again."""


class RefusedError(ProjectionError):
    """NATS refused a request. The message has its reason, `code` its number for it (0: none)."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class QueryError(ProjectionError):
    """The query cannot be answered as it is. The message says how to ask instead."""


class OverdueError(ProjectionError):
    """The query took longer than it may. It may help to ask again later."""


class KeyFormatError(ProjectionError):
    """The bytes are no key of the store, or a name cannot be part of a key."""


class ProgramError(ProjectionError):
    """A projection program cannot be loaded. The message has the interpreter's reason."""
