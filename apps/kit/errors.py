"""The root of every error that an app expects and explains in one line."""

from typing import ClassVar


class AppError(Exception):
    """The app cannot go on. The message says what happened, where and what to do."""

    exit_code: ClassVar[int] = 1
