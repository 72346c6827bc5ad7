"""The commands of operators for one shard. They work whether its service runs or not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from apps.projections.errors import ProjectionError, StreamChangedError
from apps.projections.jetstream import JetStream, StreamState
from apps.projections.records import Checkpoint, Quarantined
from apps.projections.replay import Replayed
from apps.projections.replay import replay as replay_events
from apps.projections.shard import Shard
from apps.projections.stream_check import check_stream


@dataclass(frozen=True)
class Status:
    """The progress of a shard.

    `checkpoint` is None while there are no views, and `stream_end`, a sequence, while NATS is not reached.
    `problem` says why one of them is missing, or why no events can be applied; it is empty if all is well.
    """

    shard: Shard
    checkpoint: Checkpoint | None
    stream_end: int | None
    problem: str = ""


def status(shard: Shard) -> Status:
    """Reads the shard's store and asks NATS about its stream. Raises nothing: a failure is the status."""
    checkpoint: Checkpoint | None = None
    problem = ""
    try:
        with shard.answering_store() as store:
            checkpoint = store.checkpoint()
    except ProjectionError as error:
        problem = str(error)
    try:
        with JetStream(shard.login) as jetstream:
            stream = jetstream.stream(shard.projection.stream)
            if checkpoint is not None:
                problem = _change(checkpoint, stream, jetstream)
            return Status(shard, checkpoint, stream.last, problem)
    except ProjectionError as error:
        return Status(shard, checkpoint, None, problem or str(error))


def _change(checkpoint: Checkpoint, stream: StreamState, jetstream: JetStream) -> str:
    """Returns how the stream differs from the one that the views were built from; empty if it does not."""
    try:
        check_stream(checkpoint, stream, partial(jetstream.digest_at, stream.identity.name))
    except StreamChangedError as error:
        return str(error)
    return ""


def retire(shard: Shard, number: int) -> str:
    """Gives up generation `number`: deletes its store, and its consumer from the stream.

    Returns what is left to be done, empty if nothing is. Raises GenerationError if it answers queries.
    """
    consumer = shard.assignment(shard.generations.retire(number)).consumer
    try:
        with JetStream(shard.login) as jetstream:
            jetstream.delete_consumer(consumer)
    except ProjectionError as error:
        hours = consumer.inactive / 3600
        return (
            f"its consumer {consumer.name} is still in the stream ({error}): the service deletes it when it "
            f"reaches NATS, and NATS by itself after {hours:.0f} hours"
        )
    return ""


def quarantined(shard: Shard) -> Iterator[Quarantined]:
    """Yields the events in quarantine, by sequence."""
    with shard.answering_store() as store:
        yield from store.quarantine()


def replay(shard: Shard, sequences: Iterable[int]) -> Replayed:
    """Applies the quarantined events of `sequences`, or all if there are none, to the views as they are now.

    A worker that runs meanwhile is overtaken by the commit, and begins again from its checkpoint. Raises
    ProjectionError if there are no views, or if a sequence is not in quarantine.
    """
    wanted = set(sequences)
    assignment = shard.answering()
    if assignment is None:
        raise ProjectionError(f"{shard.view} has no views yet: its service has not started")
    store = assignment.open_store()
    try:
        held = {each.sequence for each in store.quarantine()}
        if missing := sorted(wanted - held):
            raise ProjectionError(
                f"not in quarantine: sequence {', '.join(map(str, missing))}. `projections quarantine list` "
                "shows what is"
            )
        with assignment.projector() as projector:
            return replay_events(store, projector, wanted or None)
    finally:
        store.close()
