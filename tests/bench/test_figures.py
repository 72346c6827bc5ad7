import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.bench.figures import Figure, figure, median_pair, show, write


def test_a_ratio_is_the_value_over_what_it_stands_against() -> None:
    assert figure("up.warm", 30.0, "s", 20.0, aim=2.0) == Figure("up.warm", 30.0, "s", 20.0, 1.5, 2.0, True)


@pytest.mark.parametrize(("value", "holds"), [(1.99, True), (2.0, False), (2.01, False)])
def test_an_aim_holds_below_it_only(value: float, holds: bool) -> None:
    assert figure("up.noop", value, "s", 1.0, aim=2.0).holds is holds


def test_a_figure_without_aim_neither_holds_nor_fails() -> None:
    assert figure("fresh.engine", 1.0, "s", 4.0).holds is None


@pytest.mark.parametrize("against", [0.0, -1.0])
def test_a_figure_stands_against_something(against: float) -> None:
    with pytest.raises(ValueError, match=r"up\.warm"):
        figure("up.warm", 1.0, "s", against)


def test_the_median_pair_is_one_that_was_measured() -> None:
    assert median_pair([(9.0, 1.0), (4.0, 2.0), (3.0, 3.0)]) == (4.0, 2.0)
    assert median_pair([(2.0, 1.0), (3.0, 1.0)]) == (2.0, 1.0)


def test_the_file_is_a_list_of_rows_with_the_agreed_keys(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    write([figure("memory.idle", 3.987654, "GiB", 5.0, aim=1.0), figure("fresh.engine", 1.0, "s", 3.0)], path)
    assert json.loads(path.read_text()) == [
        {
            "name": "memory.idle",
            "value": 3.988,
            "unit": "GiB",
            "against": 5.0,
            "ratio": 0.7975,
            "aim": 1.0,
            "holds": True,
        },
        {
            "name": "fresh.engine",
            "value": 1.0,
            "unit": "s",
            "against": 3.0,
            "ratio": 0.3333,
            "aim": None,
            "holds": None,
        },
    ]


def test_the_table_says_of_each_figure_whether_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [figure("up.warm", 3.0, "s", 2.0, aim=1.25), figure("up.noop", 1.0, "s", 1.0, aim=2.0)]
    show(rows, Console(width=120))
    warm, no_op = (line for line in capsys.readouterr().out.splitlines() if "up." in line)
    assert "1.50" in warm
    assert "no" in warm.replace("up.noop", "")
    assert "yes" in no_op
