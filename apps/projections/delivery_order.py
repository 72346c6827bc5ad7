"""The gate: an event passes only if it is the one that must come next."""

from apps.projections.errors import GapError


class DeliveryOrder:
    """Contiguity of one consumer that was made anew at `start`.

    Stream sequences have holes where a consumer filters subjects or where messages were deleted, its own
    sequence has none: it counts deliveries from 1. So long as that is unbroken, every delivery is a first one
    and the stream's sequence grows, nothing that the filter matches from `start` on was left out.
    """

    def __init__(self, start: int) -> None:
        self._next = 1
        self._least = start

    def accept(self, reply: bytes) -> int:
        """The stream sequence of a delivery, by its reply subject: `$JS.ACK.<stream>.<consumer>.<delivered>.
        <stream seq>.<consumer seq>.<time>.<pending>`; some servers put domain and account behind ACK and a
        token at the end. Raises GapError for one that is repeated, or not the next."""
        words = reply.split(b".")
        at = 4 if len(words) == 9 else 6
        try:
            sequence, number = int(words[at + 1]), int(words[at + 2])
        except (IndexError, ValueError):
            raise GapError(f"a delivery without a position: {reply[:80]!r}") from None
        if words[at] != b"1":
            raise GapError(f"sequence {sequence} was delivered before")
        if number != self._next or sequence < self._least:
            raise GapError(
                f"delivery {number} (sequence {sequence}) came where {self._next} must come, at sequence "
                f"{self._least} or later"
            )
        self._next += 1
        self._least = sequence + 1
        return sequence
