"""What a real NATS server refuses, the settings refuse before."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import SettingsError, parse
from infra.stack_file import StackFile
from infra.subjects import has_token
from tests.apps.projections.nats_server import NatsServer, nats_server

_STREAMS: list[list[list[str]]] = [
    [["a.b"]],
    [["a.>", "b.*.c", "*"]],
    [["é.b", "$KV.a.>"]],
    [["x..y"]],
    [["a b"]],
    [["a\tb"]],
    [[""]],
    [["."]],
    [["a."]],
    [[".a"]],
    [["a.>.b"]],
    [[">"]],
    [["*.>"]],
    [["*.*.*"]],
    [["*.created"]],
    [["$JS.a"]],
    [["$JS.>"]],
    [["$JS.API.a"]],
    [["$JSC.a"]],
    [["$SYS.a"]],
    [["$JS.EVENT.>"]],
    [["$JS.EVENT.a.*"]],
    [["$JS.*.a"]],
    [["$NRG.a"]],
    [["$NRG.>"]],
    [["$NRG.*"]],
    [["$NRG"]],
    [["$SYS"]],
    [["$SYS.>"]],
    [["$SYS.*.a"]],
    [["$SYS.ACCOUNT"]],
    [["$SYS.ACCOUNT.>"]],
    [["$SYS.ACCOUNT.a.CONNECT"]],
    [["$SYS.SERVER.a.STATSZ"]],
    [["$KV.>"]],
    [["$O.a"]],
    [["a.b", "a.b"]],
    [["a.*", "a.b"]],
    [["a.>"], ["a.b"]],
    [["a.*.c"], ["b", "a.b.*"]],
    [["a.>"], ["a"]],
    [["a.b"], ["a.c"]],
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server


def _is_taken_by(server: NatsServer, streams: list[list[str]]) -> bool:
    made = [
        server.ask(f"STREAM.CREATE.S{number}", {"name": f"S{number}", "subjects": each, "storage": "memory"})
        for number, each in enumerate(streams)
    ]
    for number in range(len(streams)):
        server.ask(f"STREAM.DELETE.S{number}")
    return not any("error" in answer for answer in made)


def _is_taken_by_settings(streams: list[list[str]]) -> bool:
    declared = [{"name": f"S{number}", "subjects": each} for number, each in enumerate(streams)]
    try:
        parse(
            json.dumps({"cloud": "local", "streams": declared}), StackFile(Path("stacks/Pulumi.absent.yaml"))
        )
    except SettingsError:
        return False
    return True


@pytest.mark.parametrize("streams", _STREAMS, ids=str)
def test_streams_are_taken_by_the_settings_exactly_where_nats_takes_them(
    server: NatsServer, streams: list[list[str]]
) -> None:
    assert _is_taken_by_settings(streams) == _is_taken_by(server, streams)


@pytest.mark.parametrize(
    ("subjects", "taken"),
    [(["events.a", "events.a"], False), (["events.*", "events.a"], False), (["events.a", "events.b"], True)],
)
def test_a_projections_subjects_are_refused_where_nats_refuses_a_consumer_of_them(
    server: NatsServer, subjects: list[str], taken: bool
) -> None:
    server.ask("STREAM.CREATE.E", {"name": "E", "subjects": ["events.>"], "storage": "memory"})
    config = {"durable_name": "c", "ack_policy": "all", "filter_subjects": subjects}
    answer = server.ask("CONSUMER.DURABLE.CREATE.E.c", {"stream_name": "E", "config": config})
    server.ask("STREAM.DELETE.E")
    assert ("error" not in answer) is taken
    projection = {"name": "a", "stream": "E", "subjects": subjects, "program": "x"}
    settings = {
        "cloud": "local",
        "streams": [{"name": "E", "subjects": ["events.>"]}],
        "projections": [projection],
    }
    if taken:
        parse(json.dumps(settings), StackFile(Path("stacks/Pulumi.absent.yaml")))
    else:
        with pytest.raises(SettingsError, match=r"projections\[0\]\.subjects\[1\]"):
            parse(json.dumps(settings), StackFile(Path("stacks/Pulumi.absent.yaml")))


@pytest.mark.parametrize(
    ("subject", "number", "has"),
    [("a.b", 1, True), ("a.b", 2, False), ("a.*", 1, True), ("a.>", 5, True), ("a", 0, True), (">", 0, True)],
)
def test_a_subject_has_the_tokens_that_its_messages_can_have(subject: str, number: int, has: bool) -> None:
    assert has_token(subject, number) is has
