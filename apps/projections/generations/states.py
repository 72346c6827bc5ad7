"""The states of a generation of views, and the transitions between them.

A generation is one store of views, built from the stream by one program. docs/projections.md draws this
machine. Every change of a state goes through `next_state`, which refuses what `TRANSITIONS` does not list.
"""

from enum import StrEnum

import msgspec

from apps.projections.errors import ProjectionError


class GenerationError(ProjectionError):
    """A generation does not exist, or its state does not allow the request."""


class State(StrEnum):
    """The uses of a generation. `generations.json` holds these texts."""

    SERVING_INCOMPLETE = "serving_incomplete"
    """It answers queries although it holds only a part of the stream, because it is the first generation."""
    FILLING = "filling"
    """It reads the stream, and begins to answer queries once it has caught up."""
    SERVING = "serving"
    """It answers queries and has caught up with the stream."""
    STANDBY = "standby"
    """It is kept up to date, but answers only if somebody goes back to it."""
    RETIRED = "retired"
    """Its store is deleted. It is listed until its consumer is deleted from the stream, too."""


ANSWERING = frozenset({State.SERVING_INCOMPLETE, State.SERVING})
"""The states in which a generation answers queries. Exactly one generation of a shard is in one of them."""
AWAITED = frozenset({State.SERVING_INCOMPLETE, State.FILLING})
"""The states that end by themselves, once the generation has caught up with the stream."""


class Trigger(StrEnum):
    """The events that change the state of a generation."""

    CAUGHT_UP = "caught up"
    """It holds what the stream held a moment ago."""
    CUT_OVER = "cut over"
    """An operator chose it to answer queries."""
    DECLARED = "declared again"
    """The stack declares what it was built from, after it had declared something else."""
    SUPERSEDED = "superseded"
    """A newer generation answers, or the stack declares something else."""
    REPLACED = "replaced"
    """Another generation answers queries from now on."""
    RETIRE = "retire"
    """An operator gave it up."""


TRANSITIONS: dict[tuple[State, Trigger], State] = {
    (State.SERVING_INCOMPLETE, Trigger.CAUGHT_UP): State.SERVING,
    (State.SERVING_INCOMPLETE, Trigger.REPLACED): State.STANDBY,
    (State.FILLING, Trigger.CAUGHT_UP): State.SERVING,
    (State.FILLING, Trigger.CUT_OVER): State.SERVING,
    (State.FILLING, Trigger.SUPERSEDED): State.STANDBY,
    (State.FILLING, Trigger.RETIRE): State.RETIRED,
    (State.SERVING, Trigger.REPLACED): State.STANDBY,
    (State.STANDBY, Trigger.CUT_OVER): State.SERVING,
    (State.STANDBY, Trigger.DECLARED): State.FILLING,
    (State.STANDBY, Trigger.RETIRE): State.RETIRED,
}
"""The state that follows on a trigger. A pair that is missing here is refused."""


class EventSource(msgspec.Struct, frozen=True):
    """The events that a generation is built from. Views built from other events are another generation.

    `tenant_token` is the position of the tenant in the subject, counted from 0; None if the event's own
    `tenant_id` is believed. `fields` are the parts of an event that the program reads; empty for all of them.
    """

    stream: str
    subjects: tuple[str, ...]
    tenant_token: int | None = None
    fields: tuple[str, ...] = ()


class Generation(msgspec.Struct, frozen=True):
    """One generation. `start` is the stream sequence that it was built from.

    `source` is None in files of releases that did not record it: the declared source holds for such a one.
    """

    number: int
    start: int
    state: State
    source: EventSource | None = None


class Transition(msgspec.Struct, frozen=True):
    """A change of a state that has happened, for the log."""

    number: int
    before: State
    trigger: Trigger
    after: State

    def __str__(self) -> str:
        return f"generation {self.number} is {self.after}; it was {self.before} ({self.trigger})"


def next_state(generation: Generation, trigger: Trigger) -> State:
    """Returns the state that `generation` gets by `trigger`. Raises GenerationError if that is not
    allowed."""
    after = TRANSITIONS.get((generation.state, trigger))
    if after is None:
        hint = ""
        if trigger is Trigger.RETIRE and generation.state in ANSWERING:
            hint = ": it answers queries, so cut over to another generation first"
        raise GenerationError(
            f"generation {generation.number} is {generation.state}, which does not allow "
            f"the step `{trigger}`{hint}"
        )
    return after
