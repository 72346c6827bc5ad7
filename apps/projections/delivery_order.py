"""Checks that deliveries come in order: an event is accepted only if it is the one that must come next."""

from apps.projections.errors import GapError


class DeliveryOrder:
    """The order of the deliveries of one consumer, which was made anew at stream sequence `start`.

    Stream sequences have holes where a consumer filters subjects or where messages were deleted. The
    consumer's own sequence has none: it counts deliveries from 1. No matching event from `start` on was left
    out as long as that count is unbroken, every delivery is a first one, and the stream sequence grows.
    """

    def __init__(self, start: int) -> None:
        self._next = 1
        self._least = start

    def accept(self, reply: bytes) -> int:
        """Returns the stream sequence of the delivery whose reply subject is `reply`.

        That subject is `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer
        seq>.<time>.<pending>`; some servers add domain and account after ACK, and a token at the end. Raises
        GapError if the delivery is a repeated one or not the next one.
        """
        words = reply.split(b".")
        at = 4 if len(words) == 9 else 6
        try:
            sequence, number = int(words[at + 1]), int(words[at + 2])
        except (IndexError, ValueError):
            raise GapError(f"a delivery has no position in its reply subject: {reply[:80]!r}") from None
        if words[at] != b"1":
            raise GapError(f"sequence {sequence} is delivered again")
        if number != self._next or sequence < self._least:
            raise GapError(
                f"delivery {number} (sequence {sequence}) came where {self._next} must come, at sequence "
                f"{self._least} or later"
            )
        self._next += 1
        self._least = sequence + 1
        return sequence
