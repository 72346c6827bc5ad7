"""Whether a generation has caught up with its stream."""

from apps.projections.errors import ProjectionError
from apps.projections.generations.states import Generation
from apps.projections.jetstream import JetStream
from apps.projections.nats_connection import NatsConnection
from apps.projections.shard import Shard


class CatchUp:
    """Compares, look by look, how far each generation of a shard is with where its stream ends.

    A generation has caught up when its store holds the event that was the stream's last at the look before.
    However many events come meanwhile, it is then at most as far behind as the time between two looks.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._ends: dict[int, int] = {}
        """The sequence at which the stream of each generation ended at the last look."""

    def is_complete(self, generation: Generation) -> bool:
        """Looks once, and returns whether `generation` has caught up.

        The first look at a generation returns False, and so does one that NATS or the store did not answer.
        """
        before = self._ends.pop(generation.number, None)
        try:
            reached = self._reached(generation)
            self._ends[generation.number] = self._stream_end(generation)
        except ProjectionError:
            return False  # NATS is away, or the store is not there yet.
        return before is not None and reached >= before

    def _reached(self, generation: Generation) -> int:
        """The sequence up to which the store holds all events of the generation; -1 before its first
        commit."""
        # Not for reading alone: this process may be about to open the same store to write to it.
        store = self._shard.open_store(generation)
        try:
            checkpoint = store.checkpoint()
        finally:
            store.close()
        return -1 if checkpoint is None else checkpoint.next - 1

    def _stream_end(self, generation: Generation) -> int:
        consumer = self._shard.consumer(generation)
        connection = NatsConnection(self._shard.login)
        try:
            return JetStream(connection).last_sequence(consumer.stream, consumer.subjects)
        finally:
            connection.close()
