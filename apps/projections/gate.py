"""The gate: an event passes only if it is the one that must come next."""

from typing import NamedTuple

from apps.projections.errors import GapError


class Position(NamedTuple):
    """Where a delivery stands: in the stream, in its consumer, and the how manyth attempt it is."""

    delivered: int
    stream: int
    consumer: int
    pending: int


def position(reply: bytes) -> Position:
    """Of `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`; some
    servers put domain and account behind ACK and a token at the end. Raises GapError for anything else."""
    words = reply.split(b".")
    at = 4 if len(words) == 9 else 6
    try:
        return Position(int(words[at]), int(words[at + 1]), int(words[at + 2]), int(words[at + 4]))
    except (IndexError, ValueError):
        raise GapError(f"a delivery without a position: {reply[:80]!r}") from None


class Gate:
    """Contiguity of one consumer that was made anew at `start`.

    Stream sequences have holes where a consumer filters subjects or where messages were deleted, its own
    sequence has none: it counts deliveries from 1. So long as that is unbroken, every delivery is a first one
    and the stream's sequence grows, nothing that the filter matches from `start` on was left out.
    """

    def __init__(self, start: int) -> None:
        self._next = 1
        self._least = start

    def admit(self, at: Position) -> None:
        """Raises GapError for a delivery that is repeated, or not the next."""
        if at.delivered != 1:
            raise GapError(f"sequence {at.stream} is delivered for the {at.delivered}. time")
        if at.consumer != self._next or at.stream < self._least:
            raise GapError(
                f"delivery {at.consumer} (sequence {at.stream}) came where {self._next} must come, "
                f"at sequence {self._least} or later"
            )
        self._next += 1
        self._least = at.stream + 1
