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


@pytest.mark.parametrize(
    "subject", ["orders", "orders.>", "orders.*.created", "*.created", "$KV.bucket.>", "a-b_c.D"]
)
def test_a_subject_that_the_server_takes_is_taken(subject: str) -> None:
    assert _settings({"name": "A", "subjects": [subject]}).streams[0].subjects == [subject]


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("x..y", "has an empty part"),
        (".x", "has an empty part"),
        ("x.", "has an empty part"),
        ("", "should match pattern"),
        ("x y", "should match pattern"),
        ("x\ty", "should match pattern"),
        (">.x", "has > before its end"),
        ("x.>.y", "has > before its end"),
        (">", "takes in the server's own"),
        ("*.>", "takes in the server's own"),
        ("$JS.API.>", "$JS is the server's own"),
        ("$SYS.a", "$SYS is the server's own"),
        ("x" * 256, "at most 255"),
    ],
)
def test_a_subject_that_the_server_refuses_is_refused(subject: str, said: str) -> None:
    message = _refused({"name": "A", "subjects": ["ok", subject]})
    assert message.startswith("streams.0.subjects.1: ")
    assert said in message


def test_a_stream_twice_is_refused() -> None:
    message = _refused({"name": "A", "subjects": ["a"]}, {"name": "A", "subjects": ["b"]})
    assert message == "streams.1.name: stream A is declared twice: remove one"


def test_a_subject_twice_is_refused() -> None:
    message = _refused({"name": "A", "subjects": ["a", "a"]})
    assert message == "streams.0.subjects.1: subject a is declared twice: remove one"
