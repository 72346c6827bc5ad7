from graphlib import CycleError

import pytest

from tests.bench.schedule import Path, critical_path, least_seconds


def test_the_longest_chain_counts_not_the_one_with_most_steps() -> None:
    seconds = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 5.0}
    after = {"b": ["a"], "c": ["b", "d"], "d": []}
    assert critical_path(seconds, after) == Path(("d", "c"), 6.0)


def test_a_chain_goes_through_work_that_takes_no_time() -> None:
    assert critical_path({"a": 2.0, "c": 3.0}, {"b": ["a"], "c": ["b"]}) == Path(("a", "c"), 5.0)


def test_work_that_waits_for_nothing_is_a_chain_of_its_own() -> None:
    assert critical_path({"a": 2.0, "alone": 3.0}, {"a": []}) == Path(("alone",), 3.0)


def test_no_work_takes_no_time() -> None:
    assert critical_path({}, {}) == Path()


def test_work_that_waits_for_itself_is_refused() -> None:
    with pytest.raises(CycleError):
        critical_path({"a": 1.0}, {"a": ["b"], "b": ["a"]})


@pytest.mark.parametrize(("cores", "seconds"), [(1, 12.0), (2, 6.0), (4, 5.0)])
def test_neither_chain_nor_processors_can_be_hurried(cores: int, seconds: float) -> None:
    assert least_seconds(Path(("a",), 5.0), 12.0, cores) == seconds
