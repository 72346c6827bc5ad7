"""generations.json of every release is read as what it meant, and nothing else is guessed."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.projections.generations.lifecycle import Record
from apps.projections.generations.registry import Generations
from apps.projections.generations.state_file import read, write
from apps.projections.generations.states import EventSource, Generation, GenerationError, State

EVENTS = {"stream": "S", "subjects": ["e.>"], "tenant_token": 1, "fields": ["payload.a"]}
SOURCE = EventSource("S", ("e.>",), 1, ("payload.a",))


def _write(directory: Path, content: Any) -> Path:
    path = directory / "generations.json"
    path.write_text(json.dumps(content))
    return path


def _one(*numbers: int, **state: int) -> dict[str, Any]:
    """A file of format 1."""
    generations = [{"number": number, "start": 10 * number, "events": EVENTS} for number in numbers]
    return {"generations": generations, **state}


@pytest.mark.parametrize(
    ("content", "states"),
    [
        (_one(1, active=1, newest_active=1, begun=1, declared=1, filling=1), {1: "serving_incomplete"}),
        (_one(1, active=1, newest_active=1, begun=1, declared=1), {1: "serving"}),
        (_one(1, 2, active=1, newest_active=1, begun=2, declared=2), {1: "serving", 2: "filling"}),
        (
            _one(1, 2, active=1, newest_active=1, begun=2, declared=2, filling=1),
            {1: "serving_incomplete", 2: "filling"},
        ),
        (
            _one(1, 2, 3, active=1, newest_active=1, begun=3, declared=3),
            {1: "serving", 2: "filling", 3: "filling"},
        ),
        (_one(1, 2, active=2, newest_active=2, begun=2, declared=2), {1: "standby", 2: "serving"}),
        (_one(1, 2, active=1, newest_active=2, begun=2, declared=2), {1: "serving", 2: "standby"}),
        (_one(1, 2, active=2, newest_active=2, begun=2, declared=1, awaited=1), {1: "filling", 2: "serving"}),
        (_one(1, 3, active=1, newest_active=3, begun=4, declared=1), {1: "serving", 3: "standby"}),
    ],
)
def test_a_file_of_earlier_releases_has_the_same_generations_in_the_states_that_it_described(
    tmp_path: Path, content: dict[str, Any], states: dict[int, str]
) -> None:
    record = read(_write(tmp_path, content))
    assert {each.number: each.state for each in record.generations} == states
    assert {each.number: each.start for each in record.generations} == {each: 10 * each for each in states}
    assert {each.source for each in record.generations} == {SOURCE}
    assert (record.declared, record.last_number) == (content["declared"], content["begun"])


def test_an_upgrade_begins_nothing_anew_and_keeps_the_stores(tmp_path: Path) -> None:
    content = _one(1, 2, active=2, newest_active=2, begun=2, declared=2)
    _write(tmp_path, content)
    for number, program in ((1, "one"), (2, "two")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "program.star").write_text(program)
        (tmp_path / str(number) / "data.mdb").write_bytes(b"views")
    generations = Generations(tmp_path)
    assert generations.declare("two", SOURCE).number == 2
    assert generations.declare("one", SOURCE) == Generation(1, 10, State.FILLING, SOURCE)
    assert generations.begin("three", 1, SOURCE).number == 3
    for folder in ("1", "2"):
        assert (tmp_path / folder / "data.mdb").read_bytes() == b"views"
    assert json.loads((tmp_path / "generations.json").read_text())["format"] == 2


def test_the_oldest_file_knows_neither_the_highest_number_nor_what_was_declared(tmp_path: Path) -> None:
    """Its newest generation was retired: only what was active says that it was there."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "program.star").write_text("one")
    _write(tmp_path, {"active": 1, "generations": [{"number": 1, "start": 1}], "newest_active": 2})
    generations = Generations(tmp_path)
    assert generations.declare("one").number == 1
    assert generations.begin("one").number == 3
    generations.retire(3)
    assert Generations(tmp_path).begin("one").number == 4


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    generations = tuple(
        Generation(number, number, state, SOURCE if number % 2 else None)
        for number, state in enumerate((State.STANDBY, State.SERVING, State.FILLING, State.RETIRED), start=1)
    )
    record = Record(generations, declared=3, last_number=7)
    write(tmp_path / "generations.json", record)
    assert read(tmp_path / "generations.json") == record
    assert read(tmp_path / "other.json") == Record()


_GENERATION = {"number": 1, "start": 1, "state": "serving"}
_STANDBY = {**_GENERATION, "state": "standby"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "cannot be read"),
        ({"format": 3}, "has format 3, this release reads 1 to 2"),
        ({"format": 2, "generations": [], "declared": 0}, "last_number"),
        ({"format": 2, "generations": [{**_GENERATION, "state": "idle"}]}, "idle"),
        (
            {
                "format": 2,
                "generations": [_STANDBY],
                "declared": 1,
                "last_number": 1,
            },
            "exactly one generation must answer",
        ),
        (
            {"format": 2, "generations": [_GENERATION, _GENERATION], "declared": 1, "last_number": 1},
            "exactly one generation must answer",
        ),
        ({"format": 2, "generations": [_GENERATION], "declared": 1, "last_number": 0}, "must ascend"),
        (_one(1, active=2, newest_active=2), "exactly one generation must answer"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_and_left_as_it_is(
    tmp_path: Path, content: Any, said: str
) -> None:
    path = _write(tmp_path, content)
    before = path.read_bytes()
    with pytest.raises(GenerationError, match=said):
        Generations(tmp_path).declare("one")
    assert path.read_bytes() == before
