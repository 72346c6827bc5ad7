from pathlib import Path

import pytest

from apps.projections.generations import Generation, GenerationError, Generations


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
