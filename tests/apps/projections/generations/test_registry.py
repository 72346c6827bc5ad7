"""Generations on disk: what each command does to them, and what a crash leaves."""

import logging
import shutil
from pathlib import Path

import pytest

from apps.projections.errors import StoreGoneError
from apps.projections.generations.registry import Generations
from apps.projections.generations.states import EventSource, Generation, GenerationError, State
from apps.projections.keys import CheckpointKey
from apps.projections.store import Store

ALL = EventSource("S", ("e.>",))
HALF = EventSource("S", ("e.a.>",))


def states(root: Path) -> list[tuple[int, State]]:
    """As another process reads them."""
    return [(each.number, each.state) for each in Generations(root).in_state(*State)]


def served(root: Path) -> Generations:
    """A shard whose first generation has caught up."""
    generations = Generations(root)
    generations.caught_up(generations.declare("one").number)
    return generations


def test_the_first_generation_answers_at_once_and_in_full_when_it_has_caught_up(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    assert generations.answering is None
    first = generations.declare("one")
    assert first == Generation(1, 1, State.SERVING_INCOMPLETE)
    assert Generations(tmp_path).answering == first
    generations.caught_up(1)
    assert states(tmp_path) == [(1, State.SERVING)]


def test_a_new_program_begins_a_generation_and_the_old_one_answers_on(tmp_path: Path) -> None:
    generations = served(tmp_path)
    second = generations.declare("two")
    assert second == Generation(2, 1, State.FILLING)
    assert generations.declare("two") == second
    assert states(tmp_path) == [(1, State.SERVING), (2, State.FILLING)]
    assert [generations.program(each) for each in generations.all] == ["one", "two"]


def test_cutting_over_goes_both_ways(tmp_path: Path) -> None:
    generations = served(tmp_path)
    assert generations.begin("one", start=5).start == 5
    generations.cut_over(2)
    assert states(tmp_path) == [(1, State.STANDBY), (2, State.SERVING)]
    generations.cut_over(1)
    assert states(tmp_path) == [(1, State.SERVING), (2, State.STANDBY)]


def test_the_generation_that_answers_is_not_retired(tmp_path: Path) -> None:
    generations = served(tmp_path)
    second = generations.declare("two")
    with pytest.raises(GenerationError, match="cut over to another generation first"):
        generations.retire(1)
    generations.retire(2)
    assert [each.number for each in generations.all] == [1]
    assert not generations.path(second).exists()
    with pytest.raises(GenerationError, match=r"no generation 2; there are: 1"):
        generations.cut_over(2)


def test_a_retired_generation_is_listed_until_it_is_forgotten(tmp_path: Path) -> None:
    """Its consumer is still in the stream."""
    generations = served(tmp_path)
    generations.begin("two")
    generations.retire(2)
    assert generations.in_state(State.RETIRED) == (Generation(2, 1, State.RETIRED),)
    for _ in range(2):
        generations.forget(2)
        assert states(tmp_path) == [(1, State.SERVING)]
    generations.forget(1)
    assert states(tmp_path) == [(1, State.SERVING)]


def test_what_a_crash_left_of_a_generation_is_not_built_upon(tmp_path: Path) -> None:
    generations = served(tmp_path)
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "data.mdb").write_bytes(b"half")
    second = generations.declare("two")
    assert sorted(path.name for path in generations.path(second).iterdir()) == ["program.star"]


def test_while_a_generation_is_removed_nobody_can_open_its_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations = served(tmp_path)
    second = generations.begin("one")
    removed: list[Path] = []
    remove = shutil.rmtree

    def removing(path: Path) -> None:
        with pytest.raises(StoreGoneError):
            Store(generations.path(second), CheckpointKey("all", "ledger"))
        removed.append(path)
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", removing)
    generations.retire(second.number)
    assert len(removed) == 1
    assert not generations.path(second).exists()


def test_a_removal_that_a_crash_cut_short_is_finished_by_the_next_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations = served(tmp_path)
    retired = [generations.begin("one"), generations.begin("one")]

    def crash(path: Path, *_: object) -> None:
        raise OSError(f"{path}: killed")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", crash)
        with pytest.raises(GenerationError, match="cannot be deleted"):
            generations.retire(retired[0].number)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash)
        with pytest.raises(OSError, match="killed"):
            generations.retire(retired[1].number)
    assert [each.number for each in generations.in_state(State.RETIRED)] == [2, 3]
    generations.begin("two")
    left = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert left == {"1", "4"}


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    """Whoever still has the store of the retired one open would take it for the new one."""
    generations = served(tmp_path)
    for number in (2, 3, 4):
        assert generations.begin("one").number == number
        generations.cut_over(number)
        generations.cut_over(1)
        generations.retire(number)
        generations.forget(number)
    assert generations.begin("one").number == 5
    assert states(tmp_path) == [(1, State.SERVING), (5, State.FILLING)]


def test_other_events_are_a_generation_of_their_own_and_the_old_one_keeps_its(tmp_path: Path) -> None:
    """Or views of events that now are another shard's would stay, and of events that were they would lack."""
    generations = Generations(tmp_path)
    first = generations.declare("one", ALL)
    second = generations.declare("one", HALF)
    assert (first.source, second.source) == (ALL, HALF)
    assert generations.answering == first
    assert generations.declare("one", HALF) == second


def test_a_generation_whose_source_was_not_recorded_has_the_declared_one(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    generations.declare("one")
    assert generations.declare("one", ALL) == Generation(1, 1, State.SERVING_INCOMPLETE, ALL)
    assert generations.declare("one", HALF).number == 2


def test_what_was_declared_before_is_gone_back_to_and_forward_again(tmp_path: Path) -> None:
    generations = served(tmp_path)
    generations.declare("two")
    generations.caught_up(2)
    assert generations.declare("one").state is State.FILLING
    assert states(tmp_path) == [(1, State.FILLING), (2, State.SERVING)]
    generations.caught_up(1)
    generations.declare("one")
    assert states(tmp_path) == [(1, State.SERVING), (2, State.STANDBY)]
    generations.declare("two")
    assert states(tmp_path) == [(1, State.SERVING), (2, State.FILLING)]


def test_a_program_that_is_taken_back_before_it_is_filled_never_answers(tmp_path: Path) -> None:
    generations = served(tmp_path)
    generations.declare("two")
    generations.declare("one")
    assert states(tmp_path) == [(1, State.SERVING), (2, State.STANDBY)]


def test_a_cut_over_by_hand_holds_through_restarts_with_the_same_declaration(tmp_path: Path) -> None:
    generations = served(tmp_path)
    generations.declare("two")
    generations.cut_over(2)
    generations.cut_over(1)
    generations.declare("two")
    assert states(tmp_path) == [(1, State.SERVING), (2, State.STANDBY)]


def test_each_transition_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    generations = Generations(tmp_path)
    with caplog.at_level(logging.INFO):
        generations.declare("one")
        generations.declare("one")
        generations.caught_up(1)
        generations.begin("two", start=7)
        with pytest.raises(GenerationError):
            generations.retire(1)
        generations.caught_up(2)
    assert caplog.messages == [
        "generation 1 is serving_incomplete: it begins at sequence 1",
        "generation 1 is serving; it was serving_incomplete (caught up)",
        "generation 2 is filling: it begins at sequence 7",
        "generation 1 is standby; it was serving (replaced)",
        "generation 2 is serving; it was filling (caught up)",
    ]
