"""When a generation that is being filled has caught up with its stream."""

from apps.projections.backfill import Source
from apps.projections.errors import ProjectionError
from apps.projections.generations import Generation, Generations
from apps.projections.jetstream import JetStream
from apps.projections.keys import CheckpointKey
from apps.projections.nats_connection import Login, NatsConnection
from apps.projections.store import Store


class CatchingUp:
    """A generation has when it holds what was the last of its events at the look before: however many come
    meanwhile, it is then no older than the time between two looks."""

    def __init__(self, generations: Generations, source: Source, login: Login) -> None:
        self._generations = generations
        self._source = source
        self._login = login
        self._ends: dict[int, int] = {}

    def done(self, generation: Generation) -> bool:
        """False also while that cannot be known."""
        before = self._ends.pop(generation.number, None)
        try:
            reached = self._reached(generation)
            self._ends[generation.number] = self._end(generation)
        except ProjectionError:
            return False  # NATS is away, or the store is not there yet.
        return before is not None and reached >= before

    def _reached(self, generation: Generation) -> int:
        """The sequence up to which its store holds all of its events; -1 before the first commit."""
        key = CheckpointKey(self._source.shard, self._source.view_type)
        # Not for reading alone: this process may be about to open the same store to write to it.
        store = Store(self._generations.path(generation), key)
        try:
            checkpoint = store.checkpoint()
        finally:
            store.close()
        return -1 if checkpoint is None else checkpoint.next - 1

    def _end(self, generation: Generation) -> int:
        source = self._source.of(generation)
        connection = NatsConnection(self._login)
        try:
            return JetStream(connection).last_sequence(source.stream, source.subjects)
        finally:
            connection.close()
