"""Finds out whether a generation has caught up with its stream."""

from apps.projections.errors import ProjectionError
from apps.projections.jetstream import JetStream
from apps.projections.shard import Assignment


class CatchUp:
    """Compares, look by look, how far each generation of a shard is with where its stream ends.

    A generation has caught up when its store holds the event that was the stream's last at the look before.
    However many events come meanwhile, it is then at most as far behind as the time between two looks.
    """

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}
        """The sequence at which the stream of each generation ended at the last look."""

    def is_complete(self, assignment: Assignment) -> bool:
        """Looks once, and returns whether the assigned generation has caught up.

        The first look at a generation returns False, and so does one that NATS or the store did not answer.
        """
        number, consumer = assignment.generation.number, assignment.consumer
        before = self._ends.pop(number, None)
        try:
            reached = _reached(assignment)
            with JetStream(assignment.login) as jetstream:
                self._ends[number] = jetstream.last_sequence(consumer.stream, consumer.subjects)
        except ProjectionError:
            return False  # NATS is away, or the store is not there yet.
        return before is not None and reached >= before


def _reached(assignment: Assignment) -> int:
    """The sequence up to which the store holds all events of the generation; -1 before its first commit."""
    # Not for reading alone: this process may be about to open the same store to write to it.
    store = assignment.open_store()
    try:
        checkpoint = store.checkpoint()
    finally:
        store.close()
    return -1 if checkpoint is None else checkpoint.next - 1
