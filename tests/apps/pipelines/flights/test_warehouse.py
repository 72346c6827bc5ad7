"""Queries, against a stand-in that speaks Trino's protocol and fails as Trino does while its catalog is
being restarted."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from apps.pipelines.flights import warehouse
from apps.pipelines.flights.errors import QueryError
from apps.pipelines.flights.spec import Trino

_COLUMN = {"name": "answer", "type": "integer", "typeSignature": {"rawType": "integer", "arguments": []}}


class StandIn(ThreadingHTTPServer):
    """Answers queries with 42 after `failures` errors of the type `error_type`."""

    failures = 0
    error_type = "EXTERNAL"
    asked = 0

    def answer(self) -> dict[str, Any]:
        self.asked += 1
        answer: dict[str, Any] = {"id": "q", "infoUri": "", "stats": {"state": "FINISHED"}}
        if self.asked <= self.failures:
            error = {"errorCode": 1, "errorName": "ICEBERG_CATALOG_ERROR", "errorType": self.error_type}
            return answer | {"error": {**error, "message": "Failed to list tables"}}
        return answer | {"columns": [_COLUMN], "data": [[42]]}


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = json.dumps(self.server.answer()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with StandIn(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def answer(stand_in: StandIn) -> list[tuple[Any, ...]]:
    spec = Trino(host="127.0.0.1", port=stand_in.server_port, user="flights", catalog="lakehouse")
    with warehouse.connect(spec) as connection:
        return connection.rows("SELECT 42")


def test_a_query_is_asked_again_while_the_catalog_is_away(stand_in: StandIn) -> None:
    stand_in.failures = 3
    assert answer(stand_in) == [(42,)]
    assert stand_in.asked == 4


def test_a_mistake_of_the_query_is_told_at_once(stand_in: StandIn) -> None:
    stand_in.failures, stand_in.error_type = 100, "USER_ERROR"
    with pytest.raises(QueryError, match="Failed to list tables"):
        answer(stand_in)
    assert stand_in.asked == 1


def test_a_catalog_that_stays_away_ends_in_an_error(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse, "_PATIENCE_SECONDS", 0.0)
    stand_in.failures = 100
    with pytest.raises(QueryError, match="ICEBERG_CATALOG_ERROR"):
        answer(stand_in)
