import json
import shutil
from pathlib import Path

import pytest

from apps.projections.errors import StoreGoneError
from apps.projections.generations import Events, Generation, GenerationError, Generations
from apps.projections.keys import CheckpointKey
from apps.projections.store import Store


def test_the_first_generation_answers_at_once(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    assert generations.active is None
    first = generations.ensure("one")
    assert Generations(tmp_path).active == first == Generation(1, 1)


def test_a_new_program_begins_a_generation_and_the_old_one_answers_on(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    first = generations.ensure("one")
    second = generations.ensure("two")
    assert second.number == 2
    assert generations.ensure("two") == second
    assert generations.active == first
    assert generations.upcoming == (second,)
    assert [generations.program(each) for each in generations.all] == ["one", "two"]


def test_cutting_over_goes_both_ways(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    first, second = generations.ensure("one"), generations.begin("one", start=5)
    generations.cut_over(second.number)
    assert generations.active == second == Generation(2, 5)
    generations.cut_over(first.number)
    assert generations.active == first
    assert generations.upcoming == ()


def test_the_active_generation_is_not_retired(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    first, second = generations.ensure("one"), generations.ensure("two")
    with pytest.raises(GenerationError, match="is active"):
        generations.retire(first.number)
    generations.retire(second.number)
    assert generations.all == (first,)
    assert not generations.path(second).exists()
    with pytest.raises(GenerationError, match=r"no generation 2; it has: 1"):
        generations.cut_over(2)


def test_what_a_crash_left_of_a_generation_is_not_built_upon(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    generations.ensure("one")
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "data.mdb").write_bytes(b"half")
    second = generations.ensure("two")
    assert sorted(path.name for path in generations.path(second).iterdir()) == ["program.star"]


def test_while_a_generation_is_removed_nobody_can_open_its_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations = Generations(tmp_path)
    generations.ensure("one")
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
    generations = Generations(tmp_path)
    generations.ensure("one")
    retired = [generations.begin("one"), generations.begin("one")]

    def crash(path: Path, *_: object) -> None:
        raise OSError(f"{path}: killed")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", crash)
        with pytest.raises(GenerationError, match="cannot be removed"):
            generations.retire(retired[0].number)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash)
        with pytest.raises(OSError, match="killed"):
            generations.retire(retired[1].number)
    generations.begin("two")
    left = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert left == {"1", "4"}


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    """Whoever still has the store of the retired one open would take it for the new one."""
    generations = Generations(tmp_path)
    generations.ensure("one")
    for number in (2, 3, 4):
        assert generations.begin("one").number == number
        generations.cut_over(number)
        generations.cut_over(1)
        generations.retire(number)
    assert generations.begin("one").number == 5
    assert [each.number for each in generations.upcoming] == [5]


def test_a_state_file_that_knows_no_highest_number_is_continued(tmp_path: Path) -> None:
    """Its newest generation was retired: only what was active says that it was there."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "program.star").write_text("one")
    old = {"active": 1, "generations": [{"number": 1, "start": 1}], "newest_active": 2}
    (tmp_path / "generations.json").write_text(json.dumps(old))
    generations = Generations(tmp_path)
    assert generations.ensure("one").number == 1
    assert generations.begin("one").number == 3
    generations.retire(3)
    assert Generations(tmp_path).begin("one").number == 4


ALL = Events("S", ("e.>",))
HALF = Events("S", ("e.a.>",))


def test_other_events_are_a_generation_of_their_own_and_the_old_one_keeps_its(tmp_path: Path) -> None:
    """Or views of events that now are another shard's would stay, and of events that were they would lack."""
    generations = Generations(tmp_path)
    first = generations.ensure("one", ALL)
    second = generations.ensure("one", HALF)
    assert (first.events, second.events) == (ALL, HALF)
    assert generations.active == first
    assert generations.upcoming == (second,)
    assert generations.ensure("one", HALF) == second


def test_a_generation_whose_events_were_not_noted_has_those_that_are_declared(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    generations.ensure("one")
    assert generations.ensure("one", ALL) == Generation(1, 1, ALL)
    assert generations.ensure("one", HALF).number == 2


def answers_and_waits(root: Path) -> tuple[int, list[int]]:
    """Which generation is active, and which are to be."""
    generations = Generations(root)
    active = generations.active
    return active.number if active else 0, [each.number for each in generations.upcoming]


def test_what_was_declared_before_is_gone_back_to_and_forward_again(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    first, second = generations.ensure("one"), generations.ensure("two")
    generations.cut_over(second.number)
    assert generations.ensure("one") == first
    assert answers_and_waits(tmp_path) == (2, [1])
    generations.cut_over(first.number)
    assert generations.ensure("one") == first
    assert generations.upcoming == ()
    assert generations.ensure("two") == second
    assert answers_and_waits(tmp_path) == (1, [2])


def test_a_program_that_is_taken_back_before_it_is_filled_never_answers(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    first, second = generations.ensure("one"), generations.ensure("two")
    assert generations.upcoming == (second,)
    assert generations.ensure("one") == first
    assert answers_and_waits(tmp_path) == (1, [])


def test_a_cut_over_by_hand_holds_through_restarts_with_the_same_declaration(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    first, second = generations.ensure("one"), generations.ensure("two")
    generations.cut_over(second.number)
    generations.cut_over(first.number)
    assert generations.ensure("two") == second
    assert answers_and_waits(tmp_path) == (1, [])


def test_the_first_generation_is_being_filled_until_it_is_said_to_be(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    first = generations.ensure("one")
    assert generations.filling == first
    generations.filled()
    second = generations.ensure("two")
    assert Generations(tmp_path).unfilled == (second,)
