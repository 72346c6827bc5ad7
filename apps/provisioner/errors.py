"""What may go wrong while converging, each explained in one line."""

from apps.kit.errors import AppError


class ProvisionError(AppError):
    """The server could not be brought to the declared state."""


class UnreachableError(ProvisionError):
    """The server did not answer in time."""


class LoginError(ProvisionError):
    """The server refused the administrator's credentials."""


class RefusedError(ProvisionError):
    """The declared state cannot be reached from the present one without losing data."""


def one_line(error: BaseException) -> str:
    """What an error says, on one line; its type when it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
