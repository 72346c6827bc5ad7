"""The state machine of a generation: every pair of state and trigger, and any sequence of steps."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.projections.generations.lifecycle import Lifecycle, Record
from apps.projections.generations.states import (
    TRANSITIONS,
    Generation,
    GenerationError,
    State,
    Trigger,
    next_state,
)

INCOMPLETE, FILLING, SERVING, STANDBY, RETIRED = State


@pytest.mark.parametrize(("state", "trigger"), list(product(State, Trigger)))
def test_a_trigger_leads_where_the_table_says_and_is_refused_elsewhere(
    state: State, trigger: Trigger
) -> None:
    generation = Generation(3, 1, state)
    if after := TRANSITIONS.get((state, trigger)):
        assert next_state(generation, trigger) is after
    else:
        with pytest.raises(GenerationError, match=f"generation 3 is {state}, which does not allow"):
            next_state(generation, trigger)


def test_every_state_is_reached_and_only_a_retired_generation_stays_what_it_is() -> None:
    """A generation begins in one of the first two."""
    assert {INCOMPLETE, FILLING, *TRANSITIONS.values()} == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State) - {RETIRED}


def states(lifecycle: Lifecycle) -> list[State]:
    return [each.state for each in lifecycle.record.generations]


def begun(count: int) -> Lifecycle:
    """The first has caught up, the others are being filled."""
    lifecycle = Lifecycle(Record())
    for _ in range(count):
        lifecycle.begin(1, None)
    lifecycle.caught_up(1)
    return lifecycle


def test_an_older_generation_does_not_take_the_place_of_a_newer_one() -> None:
    lifecycle = begun(3)
    lifecycle.caught_up(3)
    assert states(lifecycle) == [STANDBY, STANDBY, SERVING]
    with pytest.raises(GenerationError):
        lifecycle.caught_up(2)


def test_generations_that_are_filled_in_their_order_answer_one_after_the_other() -> None:
    lifecycle = begun(3)
    lifecycle.caught_up(2)
    assert states(lifecycle) == [STANDBY, SERVING, FILLING]
    lifecycle.caught_up(3)
    assert states(lifecycle) == [STANDBY, STANDBY, SERVING]


def test_a_newer_generation_is_still_awaited_after_a_cut_over_to_an_older_one() -> None:
    lifecycle = begun(3)
    lifecycle.caught_up(2)
    lifecycle.cut_over(1)
    assert states(lifecycle) == [SERVING, STANDBY, FILLING]


def test_the_first_generation_may_be_replaced_before_it_has_caught_up() -> None:
    lifecycle = Lifecycle(Record())
    lifecycle.begin(1, None)
    lifecycle.begin(1, None)
    lifecycle.cut_over(1)
    assert states(lifecycle) == [INCOMPLETE, FILLING]
    lifecycle.caught_up(2)
    assert states(lifecycle) == [STANDBY, SERVING]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "declare", "caught_up", "cut_over", "retire", "forget"]), st.integers(1, 6)
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_is_asked_for_one_generation_answers_and_a_refused_step_changes_nothing(
    steps: list[tuple[str, int]],
) -> None:
    lifecycle = Lifecycle(Record())
    lifecycle.begin(1, None)
    for name, number in steps:
        before, said = lifecycle.record, len(lifecycle.transitions)
        try:
            if name == "begin":
                lifecycle.begin(number, None)
            else:
                getattr(lifecycle, name)(number)
        except GenerationError:
            assert lifecycle.record == before
            assert len(lifecycle.transitions) == said
        assert lifecycle.record.problem() == ""
        for transition in lifecycle.transitions[said:]:
            assert TRANSITIONS[transition.before, transition.trigger] is transition.after
