"""What operators ask of a shard's store, whether its service runs or not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from apps.projections.errors import ProjectionError, StreamChangedError
from apps.projections.jetstream import JetStream, StreamState, delete_consumer
from apps.projections.keys import CheckpointKey
from apps.projections.nats_connection import NatsConnection
from apps.projections.records import Checkpoint, Quarantined
from apps.projections.replay import replay as replay_events
from apps.projections.sandbox.process import Sandbox
from apps.projections.service import reader
from apps.projections.spec import Projection, ServiceSpec
from apps.projections.store import Store
from apps.projections.stream_check import check


@dataclass(frozen=True)
class Status:
    """How far a shard is; `last` is where its stream ends, None when NATS was not reached. `wrong` says why,
    or why nothing can be folded."""

    projection: Projection
    checkpoint: Checkpoint | None
    last: int | None
    wrong: str = ""


def status(spec: ServiceSpec, projection: Projection) -> Status:
    checkpoint: Checkpoint | None = None
    wrong = ""
    try:
        with reader(spec, projection) as store:
            checkpoint = store.checkpoint()
    except ProjectionError as error:
        wrong = str(error)
    try:
        connection = NatsConnection(spec.nats.login)
        try:
            stream = JetStream(connection).stream(projection.stream)
            if checkpoint is not None:
                wrong = _changed(checkpoint, stream, JetStream(connection))
            return Status(projection, checkpoint, stream.last, wrong)
        finally:
            connection.close()
    except ProjectionError as error:
        return Status(projection, checkpoint, None, wrong or str(error))


def _changed(checkpoint: Checkpoint, stream: StreamState, jetstream: JetStream) -> str:
    try:
        check(checkpoint, stream, partial(jetstream.digest_at, stream.identity.name))
    except StreamChangedError as error:
        return str(error)
    return ""


def retire(spec: ServiceSpec, projection: Projection, number: int) -> str:
    """Drop a generation and its consumer: what could not be done of it, nothing when all was."""
    generation = spec.generations(projection).retire(number)
    consumer = projection.source.of(generation).consumer(number)
    try:
        delete_consumer(spec.nats.login, consumer)
    except ProjectionError as error:
        hours = consumer.inactive / 3600
        return f"the stream's consumer {consumer.name} goes by itself within {hours:.0f} hours: {error}"
    return ""


def quarantined(spec: ServiceSpec, projection: Projection) -> Iterator[Quarantined]:
    """What is in quarantine, by sequence."""
    with reader(spec, projection) as store:
        yield from store.quarantine()


def replay(
    spec: ServiceSpec, projection: Projection, sequences: Iterable[int]
) -> tuple[list[int], list[int]]:
    """Fold quarantined events into the views as they are now, after all that came since; none given: all.
    Which were applied and which failed again, and so stay.

    A worker that runs meanwhile is overtaken by the commit, and begins again from its checkpoint.
    """
    wanted = set(sequences)
    generations = spec.generations(projection)
    active = generations.active
    if active is None:
        raise ProjectionError(f"{projection.view} has no views yet")
    store = Store(generations.path(active), CheckpointKey(projection.shard, projection.view))
    sandbox = Sandbox(generations.program(active), projection.source.limits)
    projector = projection.source.of(active).projector(sandbox)
    try:
        held = [each for each in store.quarantine() if not wanted or each.sequence in wanted]
        if missing := sorted(wanted - {each.sequence for each in held}):
            raise ProjectionError(f"not in quarantine: {', '.join(map(str, missing))}")
        replayed = replay_events(store, projector, wanted or None)
        return list(replayed.applied), list(replayed.held)
    finally:
        sandbox.close()
        store.close()
