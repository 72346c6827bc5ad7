"""The generations of one shard as a value, and the steps that change their states.

Nothing here touches a disk or a server, so that every sequence of steps can be tested.
"""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from apps.projections.generations.states import (
    ANSWERING,
    EventSource,
    Generation,
    GenerationError,
    State,
    Transition,
    Trigger,
    next_state,
)


class Record(msgspec.Struct, frozen=True):
    """The stored facts about the generations of a shard, oldest generation first.

    `declared` is the number of the generation that was declared or begun last, 0 if there was none.
    `last_number` is the highest number that was ever given. A number is never given again: a process may
    still have the store of its first owner open.
    """

    generations: tuple[Generation, ...] = ()
    declared: int = 0
    last_number: int = 0

    @property
    def answering(self) -> Generation | None:
        """The generation that queries are answered from; None before the first one is begun."""
        return next(self.in_state(*ANSWERING), None)

    def in_state(self, *states: State) -> Iterator[Generation]:
        """Yields the generations that are in one of `states`, oldest first."""
        return (each for each in self.generations if each.state in states)

    def get(self, number: int) -> Generation:
        """Returns generation `number`. Raises GenerationError if there is none, or if it is retired."""
        live = {each.number: each for each in self.generations if each.state is not State.RETIRED}
        if number not in live:
            known = ", ".join(map(str, live)) or "none"
            raise GenerationError(f"there is no generation {number}; there are: {known}")
        return live[number]

    def problem(self) -> str:
        """Returns how the record breaks a rule that every record keeps; empty if it breaks none."""
        numbers = [each.number for each in self.generations]
        live = [each for each in self.generations if each.state is not State.RETIRED]
        answering = [each.number for each in live if each.state in ANSWERING]
        if len(answering) != bool(live):
            return f"exactly one generation must answer queries, these do: {answering or 'none'}"
        if numbers != sorted(set(numbers)) or max(numbers, default=0) > self.last_number:
            return f"the numbers {numbers} must ascend, up to last_number {self.last_number}"
        return ""


class Lifecycle:
    """Changes a record by the steps that operators, the stack and the controller take.

    A step either changes `record` and lists each change in `transitions`, or raises GenerationError and
    changes nothing.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.transitions: list[Transition] = []

    def begin(self, start: int, source: EventSource | None) -> Generation:
        """Adds a generation, to be filled from stream sequence `start`, and returns it.

        The first generation of a shard answers queries at once: there is nothing else to answer from.
        """
        number = self.record.last_number + 1
        state = State.FILLING if self.record.answering else State.SERVING_INCOMPLETE
        generation = Generation(number, start, state, source)
        self.record = replace(
            self.record,
            generations=(*self.record.generations, generation),
            declared=number,
            last_number=number,
        )
        return generation

    def declare(self, number: int) -> None:
        """Notes that the stack declares what generation `number` was built from.

        Nothing changes when it was declared before: a cut-over by hand holds. Otherwise it answers once it
        has caught up, and the generations that are being filled for an earlier declaration do not.
        """
        generation = self.record.get(number)
        if number == self.record.declared:
            return
        for each in self.record.in_state(State.FILLING):
            if each.number != number:
                self._apply(each, Trigger.SUPERSEDED)
        if generation.state is State.STANDBY:
            self._apply(generation, Trigger.DECLARED)
        self.record = replace(self.record, declared=number)

    def caught_up(self, number: int) -> None:
        """Lets generation `number` answer queries in full, now that it has caught up with the stream."""
        self._answer_from(self.record.get(number), Trigger.CAUGHT_UP)

    def cut_over(self, number: int) -> None:
        """Lets generation `number` answer queries because an operator wants it, caught up or not."""
        generation = self.record.get(number)
        if generation.state not in ANSWERING:
            self._answer_from(generation, Trigger.CUT_OVER)

    def retire(self, number: int) -> None:
        """Gives up generation `number`. Raises GenerationError if it answers queries."""
        self._apply(self.record.get(number), Trigger.RETIRE)

    def forget(self, number: int) -> None:
        """Drops the retired generation `number` from the record: nothing of it is left."""
        if any(each.number == number for each in self.record.in_state(State.RETIRED)):
            kept = tuple(each for each in self.record.generations if each.number != number)
            self.record = replace(self.record, generations=kept)

    def _answer_from(self, generation: Generation, trigger: Trigger) -> None:
        after = next_state(generation, trigger)
        for each in tuple(self.record.generations):
            if each.number == generation.number:
                continue
            if each.state in ANSWERING:
                self._apply(each, Trigger.REPLACED)
            elif each.state is State.FILLING and each.number < generation.number:
                # An older generation must not replace a newer one when it comes to its end.
                self._apply(each, Trigger.SUPERSEDED)
        self._set(generation, trigger, after)

    def _apply(self, generation: Generation, trigger: Trigger) -> None:
        self._set(generation, trigger, next_state(generation, trigger))

    def _set(self, generation: Generation, trigger: Trigger, after: State) -> None:
        changed = replace(generation, state=after)
        generations = (
            changed if each.number == generation.number else each for each in self.record.generations
        )
        self.record = replace(self.record, generations=tuple(generations))
        self.transitions.append(Transition(generation.number, generation.state, trigger, after))
