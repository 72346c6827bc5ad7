"""The limits of one evaluation of a projection program."""

from pydantic import Field

from apps.kit.settings import Spec

_LARGEST_VIEW = 16 << 20


class Limits(Spec):
    """The limits of one evaluation, be it of one event or of a batch of events.

    `gas` counts thousands of the interpreter's steps, `memory` MiB, `seconds` time by the clock, and `view`
    bytes of one view. A batch that exceeds a limit is divided, so only what a single event takes counts in
    the end. The clock is the backstop for single steps that take long.
    """

    gas: int = Field(default=2000, ge=1, le=10**9)
    memory: int = Field(default=256, ge=16, le=1 << 16)
    seconds: float = Field(default=5.0, gt=0, le=3600)
    view: int = Field(default=1 << 20, ge=2, le=_LARGEST_VIEW)
