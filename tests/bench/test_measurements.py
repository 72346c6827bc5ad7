import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.bench import __main__ as bench
from tests.bench.figures import Failure, Figure, Row, figure, show, write
from tests.bench.measurements import Measurement, taken

UP = figure("up.warm", 3.0, "s", 2.0, aim=1.25)
NO_OP = figure("up.noop", 1.0, "s", 1.0, aim=2.0)


def halfway() -> Iterator[Figure]:
    yield UP
    raise TypeError("no such argument")


@pytest.fixture
def found() -> list[Row]:
    measurements = [
        Measurement(("up.warm", "up.warm_with_tasks"), halfway),
        Measurement(("kubernetes.up",), list),
        Measurement(("up.noop",), lambda: [NO_OP]),
    ]
    return list(taken(measurements, Console(quiet=True)))


def test_one_that_fails_is_reported_and_the_others_go_on(found: list[Row]) -> None:
    assert found == [UP, Failure("up.warm_with_tasks", "TypeError: no such argument"), NO_OP]


def test_one_that_fails_after_its_last_figure_failed() -> None:
    failed = taken([Measurement(("up.warm",), halfway)], Console(quiet=True))
    assert list(failed) == [UP, Failure("up.warm", "TypeError: no such argument")]


def test_an_interrupt_ends_them_all() -> None:
    def interrupted() -> list[Row]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(taken([Measurement(("up.warm",), interrupted)], Console(quiet=True)))


def test_table_and_file_say_which_failed(
    found: list[Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(found, Console(width=120))
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "with_tasks" in line)
    assert "failed" in line
    write(found, tmp_path / "bench.json")
    _, failed, _ = json.loads((tmp_path / "bench.json").read_text())
    assert failed == {
        "name": "up.warm_with_tasks",
        "value": None,
        "unit": None,
        "against": None,
        "ratio": None,
        "aim": None,
        "holds": False,
        "error": "TypeError: no such argument",
    }


@pytest.mark.parametrize(("rows", "code"), [([UP, NO_OP], 0), ([UP, Failure("up.noop", "no")], 1)])
def test_make_bench_fails_when_a_figure_could_not_be_taken(
    rows: list[Row], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "_rows", lambda console: iter(rows))
    monkeypatch.setattr(bench, "RESULT", tmp_path / "bench.json")
    assert bench.main() == code
    assert len(json.loads((tmp_path / "bench.json").read_text())) == len(rows)
