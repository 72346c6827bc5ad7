"""Streams that JetStream would refuse for their form are refused where they are written."""

import pytest
from pydantic import ValidationError

from infra.settings import Settings


def _settings(*streams: object) -> Settings:
    return Settings.model_validate({"cloud": "local", "streams": list(streams)})


def _refused(*streams: object) -> str:
    with pytest.raises(ValidationError) as caught:
        _settings(*streams)
    (error,) = caught.value.errors()
    place = ".".join(str(part) for part in (*error["loc"], *error.get("ctx", {}).get("key", ())))
    return f"{place}: {error['msg']}"


@pytest.mark.parametrize("subject", ["x..y", "x y", "", ">", "$JS.API.>"])
def test_a_subject_that_the_server_refuses_is_refused_in_its_place(subject: str) -> None:
    assert _refused({"name": "A", "subjects": ["ok", subject]}).startswith("streams.0.subjects.1: ")


def test_a_stream_twice_is_refused() -> None:
    message = _refused({"name": "A", "subjects": ["a"]}, {"name": "A", "subjects": ["b"]})
    assert message == "streams.1: stream A is declared twice: remove one"


def test_a_subject_twice_is_refused() -> None:
    message = _refused({"name": "A", "subjects": ["a", "a"]})
    assert message == "streams.0.subjects.1: a matches messages that it keeps by a already"
