"""The API over a real store: who may read what, and what is answered to whom may not."""

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from apps.kit.output import Redaction
from apps.projections import tokens
from apps.projections.api import Api, OpenStore, create_app
from apps.projections.errors import OverdueError, StoreError
from apps.projections.keys import CheckpointKey, ViewKey
from apps.projections.logs import JsonFormatter
from apps.projections.metrics import exposition
from apps.projections.probes import Probes
from apps.projections.queries import QueryBounds
from apps.projections.query_limiter import ConcurrencyLimits, QueryLimiter
from apps.projections.records import Checkpoint, StreamIdentity
from apps.projections.reports import Report
from apps.projections.store import Batch, Store
from tests.apps.projections.serving import served
from tests.providers.local.plugin.client import until

_KEY = "k" * 32
_ODD = [".", "..", "../x", "?", "a#b", "a%2Fb", "nl\n1", "/", "é "]
"""Ids that a path of a URL cannot hold, or that clients change there."""
_AT_7 = Checkpoint(StreamIdentity("EVENTS", "2013-01-01T00:00:00Z"), sequence=7)


_NAMES = frozenset({"views.example.com", "projections-carriers-all.lab.svc"})


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
            *(("odd", "carriers", name, 1) for name in _ODD),
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


class Gate:
    """Queries of the view `slow` wait here until it is opened."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.waiting = 0
        self.opened = threading.Event()

    def close(self) -> None:
        self.opened.set()

    @contextmanager
    def store(self) -> Iterator[Store]:
        self.waiting += 1
        self.opened.wait()
        yield self._store


@pytest.fixture
def gate(store: Store) -> Iterator[Gate]:
    with closing(Gate(store)) as gate:
        yield gate


@pytest.fixture
def limits() -> ConcurrencyLimits:
    return ConcurrencyLimits()


@pytest.fixture
def client(store: Store, state: Reported, gate: Gate, limits: ConcurrencyLimits) -> Iterator[Client]:
    def absent() -> nullcontext[Store]:
        raise StoreError("/secret/place is not there")

    report = Report(connected=True, lag=3, gaps=2, in_quarantine=1)
    metrics = exposition(lambda: {("carriers", "all"): report})

    def late() -> nullcontext[Store]:
        raise OverdueError("sort: it is not done after 5 seconds")

    stores: dict[str, OpenStore] = {
        "carriers": lambda: nullcontext(store),
        "fresh": absent,
        "slow": gate.store,
        "late": late,
    }
    api = Api(stores, _KEY, 10, 3, QueryBounds(100, 1 << 20), QueryLimiter(limits))
    app = create_app(api, Probes(state, metrics), _NAMES)
    with served(app) as url, closing(gate):
        yield Client(url)


@contextmanager
def _asking(client: Client, tenant: str, times: int) -> Iterator[list[requests.Response]]:
    """`times` queries of the view `slow` at once, and what was answered by the end."""
    answers: list[requests.Response] = []

    def ask() -> None:
        answers.append(client.get("/v1/views/slow", params={"tenant": tenant}, headers=_may(tenant)))

    threads = [threading.Thread(target=ask) for _ in range(times)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        for thread in threads:
            thread.join()


def _may(tenant: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {tokens.make_token(_KEY, tenant)}"}


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
    [
        {"limit": "11"},
        {"limit": "0"},
        {"limit": "x"},
        {"where": "delay"},
        {"sort": "de lay"},
        {"after": "x"},
        {"filter": "a=1"},
        {"id": "UA", "sort": "delay"},
    ],
)
def test_what_cannot_be_answered_is_said(client: Client, parameters: Mapping[str, str]) -> None:
    answer = client.get("/v1/views/carriers", params={"tenant": "ewr", **parameters}, headers=_may("ewr"))
    assert answer.status_code == 400
    assert list(parameters)[-1] in answer.json()["error"]


def test_every_listed_id_can_be_fetched(client: Client) -> None:
    assert sorted(_ids(client, "odd")) == sorted(_ODD)
    for name in _ODD:
        parameters = {"tenant": "odd", "id": name}
        answer = client.get("/v1/views/carriers", params=parameters, headers=_may("odd"))
        assert (answer.status_code, answer.json()) == (200, {"delay": 1, "of": "odd"}), name
    missing = client.get("/v1/views/carriers", params={"tenant": "odd", "id": "UA"}, headers=_may("odd"))
    assert missing.status_code == 404
    empty = client.get("/v1/views/carriers", params={"tenant": "odd", "id": ""}, headers=_may("odd"))
    assert empty.status_code == 400


def test_an_id_in_a_parameter_opens_no_other_tenant(client: Client) -> None:
    for tenant, may in (("jfk", "ewr"), ("", "ewr")):
        parameters = {"tenant": tenant, "id": "B6"}
        assert client.get("/v1/views/carriers", params=parameters, headers=_may(may)).status_code == 401


def test_more_conditions_than_are_allowed_are_refused(client: Client) -> None:
    def asked(conditions: int) -> requests.Response:
        path = "/v1/views/carriers?tenant=ewr" + "&where=delay>0" * conditions
        return client.get(path, headers=_may("ewr"))

    assert asked(3).status_code == 200
    assert asked(4).status_code == 400
    assert "4 conditions; 3 are allowed" in asked(4).json()["error"]


def test_a_parameter_that_is_given_twice_is_refused(client: Client) -> None:
    answer = client.get("/v1/views/carriers?tenant=jfk&tenant=ewr", headers=_may("ewr"))
    assert answer.status_code == 400
    assert "tenant is repeated" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/live", "/health", "/ready", "/metrics"])
def test_probes_are_answered_while_every_query_hangs(client: Client, gate: Gate, path: str) -> None:
    with _asking(client, "ewr", 20), _asking(client, "jfk", 20):
        until(lambda: gate.waiting == ConcurrencyLimits.at_once)
        assert client.get(path).status_code == 200
        gate.opened.set()


def test_a_tenant_leaves_room_for_the_others_however_much_it_asks(client: Client, gate: Gate) -> None:
    with _asking(client, "ewr", 30) as answers:
        until(lambda: gate.waiting == ConcurrencyLimits.of_tenant)
        assert _ids(client, "jfk") == ["B6"]
        assert gate.waiting == ConcurrencyLimits.of_tenant
        gate.opened.set()
    assert [answer.status_code for answer in answers] == [200] * 30


@pytest.mark.parametrize("limits", [ConcurrencyLimits(at_once=1, of_tenant=1, waiting=1, seconds=600)])
def test_more_queries_than_may_wait_are_refused_at_once(client: Client, gate: Gate) -> None:
    with _asking(client, "ewr", 5) as answers:
        until(lambda: len(answers) == 3)
        assert {answer.status_code for answer in answers} == {429}
        assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
        gate.opened.set()
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]


@pytest.mark.parametrize("limits", [ConcurrencyLimits(at_once=1, of_tenant=1, seconds=0.1)])
def test_a_query_whose_turn_does_not_come_is_told_to_ask_later(client: Client, gate: Gate) -> None:
    with _asking(client, "ewr", 1):
        until(lambda: gate.waiting == 1)
        answer = client.get("/v1/views/carriers", params={"tenant": "jfk"}, headers=_may("jfk"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert "ask again later" in answer.json()["error"]
        gate.opened.set()
    assert _ids(client, "jfk") == ["B6"]


@pytest.mark.parametrize(
    "host",
    [
        "views.example.com",
        "VIEWS.example.com:8700",
        "views.example.com.",
        "localhost:1",
        "127.0.0.1",
        "10.244.1.7:8700",
        "[::1]:8700",
        "projections-carriers-all",
        "projections-carriers-all.lab:8700",
        "projections-carriers-all.lab.svc",
        "projections-carriers-all.lab.svc.cluster.local",
    ],
)
def test_names_that_are_its_own_are_answered(client: Client, host: str) -> None:
    assert client.get("/live", headers={"Host": host}).status_code == 200
    same = {"Host": host, "Origin": f"https://{host}"}
    assert client.get("/live", headers=same).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "views.example.com.evil.example",
        "projections-carriers-all.lab.svc.evil.example",
        "127.0.0.1.evil.example",
        "lab.svc",
        "[::1",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/live", "/metrics", "/v1/views/carriers?tenant=ewr"])
def test_a_name_that_was_made_to_lead_here_is_refused(client: Client, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host, **_may("ewr")})
    assert answer.status_code in (400, 421)
    assert "delay" not in answer.text


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", ""]
)
def test_a_page_from_elsewhere_is_refused(client: Client, origin: str) -> None:
    answer = client.get("/v1/views/carriers?tenant=ewr", headers={**_may("ewr"), "Origin": origin})
    assert answer.status_code == 403
    assert "delay" not in answer.text


def test_a_query_that_took_too_long_says_so(client: Client) -> None:
    answer = client.get("/v1/views/late", params={"tenant": "ewr"}, headers=_may("ewr"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json() == {"error": "sort: it is not done after 5 seconds"}


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


def test_no_client_makes_a_line_of_the_log_long(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    long = "a" * 2000
    headers = {"X-Correlation-Id": long, "traceparent": f"00-{long}-00f067aa0ba902b7-01"}
    with caplog.at_level(logging.INFO, "apps.projections.api"):
        client.get(f"/v1/views/{long}", params={"tenant": long}, headers=headers)
    (record,) = [each for each in caplog.records if each.name == "apps.projections.api"]
    line = JsonFormatter(Redaction(), {}).format(record)
    assert set(json.loads(line)) >= {"correlation_id", "trace_id", "tenant_id", "path"}
    assert len(line) < 1500


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
