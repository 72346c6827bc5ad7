"""Clients that read slowly, or not at all, and those that only connect: whom they hold up."""

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from apps.projections import tokens
from apps.projections.api import Api, OpenStore, create_app
from apps.projections.keys import CheckpointKey, ViewKey
from apps.projections.probes import Probes
from apps.projections.queries import QueryBounds
from apps.projections.query_limiter import ConcurrencyLimits, QueryLimiter
from apps.projections.records import Checkpoint, StreamIdentity
from apps.projections.store import Batch, Store
from tests.apps.projections.serving import served
from tests.apps.projections.test_api import Gate, Reported
from tests.providers.local.plugin.client import until

_KEY = "k" * 32
_LARGE = b'{"of":"%b"}' % (b"x" * 900_000)
"""Nine of them are more than the kernel keeps for a reader who does not read."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, CheckpointKey("all", "carriers"), map_size=1 << 26)
    views = {ViewKey(tenant, "large", f"{n}").encode(): _LARGE for n in range(9) for tenant in ("ewr", "jfk")}
    store.commit(None, Batch(Checkpoint(StreamIdentity("EVENTS", "2013-01-01T00:00:00Z"), 1), views))
    yield store
    store.close()


class Service:
    """The API over a store with large views, and with a view `slow` whose queries wait."""

    def __init__(
        self, store: Store, limits: ConcurrencyLimits, sending: float = 600, connections: int = 100
    ) -> None:
        self._store = store
        self.gate = Gate(store)
        self.computed = 0
        stores: dict[str, OpenStore] = {"large": self._opened, "slow": self.gate.store}
        api = Api(stores, _KEY, 10, 3, QueryBounds(100, 9 << 20), QueryLimiter(limits))
        self._app = create_app(api, Probes(Reported(), lambda: b""), sending=sending)
        self._connections = connections

    @contextmanager
    def running(self) -> Iterator["Service"]:
        with served(self._app, self._connections) as self.url:
            try:
                yield self
            finally:
                self.gate.close()

    @contextmanager
    def connected(self, tenant: str = "", view: str = "large") -> Iterator[socket.socket]:
        """A connection on which `tenant`, if any, has asked for a page, and nothing is read."""
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
            parts = urlsplit(self.url)
            client.connect((parts.hostname, parts.port))
            if tenant:
                token = tokens.make_token(_KEY, tenant)
                client.sendall(
                    f"GET /v1/views/{view}?tenant={tenant} HTTP/1.1\r\nHost: localhost\r\n"
                    f"Connection: close\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
                )
            yield client

    def ask(self, tenant: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {tokens.make_token(_KEY, tenant)}"}
        return requests.get(f"{self.url}/v1/views/large?tenant={tenant}", headers=headers, timeout=60)

    def _opened(self) -> nullcontext[Store]:
        self.computed += 1
        return nullcontext(self._store)


def _read(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(1 << 20), b""))


def test_a_tenant_that_does_not_read_has_no_more_answers_in_memory_than_turns(store: Store) -> None:
    room = ConcurrencyLimits(at_once=2, of_tenant=2, seconds=600)
    with Service(store, room).running() as service, ExitStack() as opened:
        clients = [opened.enter_context(service.connected("ewr")) for _ in range(10)]
        until(lambda: service.computed == 2)
        assert service.ask("jfk").status_code == 200
        assert service.computed == 2 + 1
        for client in clients:
            client.close()
        until(lambda: service.computed == 10 + 1)


def test_an_answer_that_is_not_read_in_time_ends_its_connection_and_gives_the_turn_back(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    room = ConcurrencyLimits(at_once=1, of_tenant=1, seconds=600)
    with (
        caplog.at_level(logging.WARNING),
        Service(store, room, sending=0.5).running() as service,
        service.connected("ewr") as client,
    ):
        until(lambda: "did not read its answer within 0.5 seconds" in caplog.text)
        with pytest.raises(ConnectionResetError):
            _read(client)
        assert service.ask("ewr").status_code == 200
    assert [record.name for record in caplog.records] == ["apps.projections.http_server"]


def test_a_slow_reader_gets_all_of_a_large_answer(store: Store) -> None:
    with Service(store, ConcurrencyLimits()).running() as service, service.connected("ewr") as client:
        until(lambda: service.computed == 1)
        head, _, body = _read(client).partition(b"\r\n\r\n")
        assert b"200 OK" in head
        assert body.count(_LARGE) == 9


def test_connections_that_ask_nothing_give_way_to_probes_and_queries(store: Store) -> None:
    with Service(store, ConcurrencyLimits(), connections=8).running() as service, ExitStack() as opened:
        asking = opened.enter_context(service.connected("ewr", "slow"))
        until(lambda: service.gate.waiting == 1)
        idle = [opened.enter_context(service.connected()) for _ in range(30)]
        assert requests.get(f"{service.url}/live", timeout=60).status_code == 200
        for client in idle[:20]:
            client.settimeout(60)
            with pytest.raises(ConnectionResetError):
                _read(client)
        service.gate.close()
        assert b"200 OK" in _read(asking)
