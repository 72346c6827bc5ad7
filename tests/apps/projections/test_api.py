"""The API over a real store: who may read what, and what is answered to whom may not."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import uvicorn

from apps.projections import tokens
from apps.projections.api import Api, create_app
from apps.projections.errors import StoreError
from apps.projections.keys import CheckpointKey, ViewKey
from apps.projections.metrics import exposition
from apps.projections.queries import Bounds
from apps.projections.records import Checkpoint, StreamIdentity
from apps.projections.reports import Report
from apps.projections.store import Batch, Store
from tests.apps.provisioner.servers import free_port
from tests.providers.local.plugin.client import until

_KEY = "k" * 32
_AT_7 = Checkpoint(StreamIdentity("EVENTS", "2013-01-01T00:00:00Z"), sequence=7)


@dataclass(frozen=True)
class Client:
    """Of a real server."""

    url: str

    def get(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        return requests.get(self.url + path, params=params, headers=headers, timeout=30)


@dataclass
class Reported:
    wrong: str = ""

    def dead(self) -> str:
        return self.wrong

    def unhealthy(self) -> str:
        return self.wrong

    def unready(self) -> str:
        return self.wrong


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, CheckpointKey("all", "carriers"), map_size=1 << 24)
    views = {
        ViewKey(tenant, view, name).encode(): b'{"delay":%d,"of":"%b"}' % (delay, tenant.encode())
        for tenant, view, name, delay in [
            ("ewr", "carriers", "UA", 3),
            ("ewr", "carriers", "AA/1", 9),
            ("ewr", "board", "UA", 1),
            ("ewr:carriers", "x", "UA", 2),
            ("jfk", "carriers", "B6", 5),
            ("", "carriers", "DL", 4),
        ]
    }
    store.commit(None, Batch(_AT_7, views))
    yield store
    store.close()


@pytest.fixture
def state() -> Reported:
    return Reported()


@pytest.fixture
def client(store: Store, state: Reported) -> Iterator[Client]:
    def absent() -> nullcontext[Store]:
        raise StoreError("/secret/place is not there")

    report = Report(connected=True, lag=3, gaps=2, held=1)
    metrics = exposition(lambda: {("carriers", "all"): report})
    stores = {"carriers": lambda: nullcontext(store), "fresh": absent}
    app = create_app(Api(stores, _KEY, 10, Bounds(100, 1 << 20), state, metrics))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    client = Client(f"http://127.0.0.1:{port}")
    until(lambda: server.started)
    try:
        yield client
    finally:
        server.should_exit = True
        thread.join()


def _may(tenant: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {tokens.token(_KEY, tenant)}"}


def _ids(client: Client, tenant: str, **parameters: str) -> list[str]:
    answer = client.get("/v1/views/carriers", params={"tenant": tenant, **parameters}, headers=_may(tenant))
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["views"]]


@pytest.mark.parametrize(
    ("tenant", "ids"), [("ewr", ["AA/1", "UA"]), ("jfk", ["B6"]), ("", ["DL"]), ("ewr:carriers", [])]
)
def test_a_tenant_sees_its_own_views_alone(client: Client, tenant: str, ids: list[str]) -> None:
    assert _ids(client, tenant) == ids


@pytest.mark.parametrize("path", ["/v1/views/carriers", "/v1/views/carriers/UA", "/v1/views/absent"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        _may("jfk"),
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {_KEY}"},
    ],
)
def test_no_path_opens_without_the_tenants_own_token(
    client: Client, path: str, headers: Mapping[str, str]
) -> None:
    answer = client.get(path, params={"tenant": "ewr"}, headers=headers)
    assert answer.status_code == 401
    assert set(answer.json()) == {"error"}


def test_a_view_is_answered_as_it_is_stored(client: Client) -> None:
    answer = client.get("/v1/views/carriers/AA/1", params={"tenant": "ewr"}, headers=_may("ewr"))
    assert answer.content == b'{"delay":9,"of":"ewr"}'
    missing = client.get("/v1/views/carriers/B6", params={"tenant": "ewr"}, headers=_may("ewr"))
    assert missing.status_code == 404


def test_an_answer_says_how_far_the_views_are(client: Client) -> None:
    answer = client.get("/v1/views/carriers", params={"tenant": "ewr", "limit": "1"}, headers=_may("ewr"))
    assert answer.json()["sequence"] == 7
    assert answer.json()["next"]


def test_filter_and_sort_reach_the_views(client: Client) -> None:
    assert _ids(client, "ewr", where="delay>3") == ["AA/1"]
    assert _ids(client, "ewr", sort="delay") == ["UA", "AA/1"]
    assert _ids(client, "ewr", sort="-delay") == ["AA/1", "UA"]
    assert _ids(client, "ewr", prefix="U") == ["UA"]


@pytest.mark.parametrize(
    "parameters",
    [{"limit": "11"}, {"limit": "0"}, {"limit": "x"}, {"where": "delay"}, {"after": "x"}, {"filter": "a=1"}],
)
def test_what_cannot_be_answered_is_said(client: Client, parameters: Mapping[str, str]) -> None:
    answer = client.get("/v1/views/carriers", params={"tenant": "ewr", **parameters}, headers=_may("ewr"))
    assert answer.status_code == 400
    assert next(iter(parameters)) in answer.json()["error"]


def test_a_view_without_a_store_says_nothing_of_the_machine(client: Client) -> None:
    answer = client.get("/v1/views/fresh", params={"tenant": "ewr"}, headers=_may("ewr"))
    assert answer.status_code == 503
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", ["/live", "/health", "/ready"])
def test_a_probe_fails_with_its_reason(client: Client, state: Reported, path: str) -> None:
    assert client.get(path).status_code == 200
    state.wrong = "draining"
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.json() == {"status": "draining"}


def test_metrics_are_those_of_the_worker(client: Client) -> None:
    lines = client.get("/metrics").text.splitlines()
    for line in ("projections_lag", "projections_redeliveries_total", "projections_quarantine"):
        assert [each for each in lines if each.startswith(line + '{shard="all",view="carriers"} ')] or [
            each for each in lines if each.startswith(line + '{view="carriers",shard="all"} ')
        ], line
    assert any(line.startswith("projections_lag{") and line.endswith(" 3.0") for line in lines)
    assert any(line.startswith("projections_redeliveries_total{") and line.endswith(" 2.0") for line in lines)
    assert any(line.startswith("projections_commit_failures_total{") for line in lines)


def test_a_query_is_logged_with_tenant_correlation_and_trace(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {**_may("ewr"), "traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Correlation-Id": "c-1"}
    with caplog.at_level(logging.INFO, "apps.projections.api"):
        client.get("/v1/views/carriers", params={"tenant": "ewr"}, headers=headers)
    (record,) = [each for each in caplog.records if each.name == "apps.projections.api"]
    context = record.__dict__["context"]
    assert (context["tenant_id"], context["correlation_id"], context["trace_id"]) == ("ewr", "c-1", trace)
    assert context["status"] == 200
