"""Publishes events through every outage, some twice, some poisoned."""

import json
import random
import threading

from apps.projections.errors import ProjectionError
from apps.projections.nats_connection import NatsConnection
from tests.apps.projections.ledger import event
from tests.apps.projections.nats_server import NatsServer

_TENANTS = ("north", "south", "a%3Ab")
_POISON = (
    b"\xff\xfe not text",
    b'{"tenant_id": "north"}',
    b"[" * 5000,
    event("north", "x", 1).replace(b'"value": 1', b'"value": 1e400'),
    event("north", "x", -1),
    event("north", "y" * 600, 1),
)


class Publisher(threading.Thread):
    """`attempted` counts events, `acknowledged` those that the server confirmed."""

    def __init__(self, server: NatsServer, seed: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._choose = random.Random(seed)  # noqa: S311 - a seed must decide it
        self._over = threading.Event()
        self.attempted = 0
        self.acknowledged = 0

    def run(self) -> None:
        while not self._over.is_set():
            try:
                connection = NatsConnection(self._server.login, timeout=1.0)
                try:
                    while not self._over.is_set():
                        self._burst(connection)
                        self._over.wait(self._choose.uniform(0, 0.03))
                finally:
                    connection.close()
            except (ProjectionError, ValueError):
                self._over.wait(0.05)

    def finish(self) -> None:
        self._over.set()
        self.join()

    def _burst(self, connection: NatsConnection) -> None:
        lines = []
        count = self._choose.randint(1, 30)
        for _ in range(count):
            tenant = self._choose.choice(_TENANTS)
            account = f"account:{self._choose.randint(0, 40)}"
            value = self._choose.choice([self._choose.randint(0, 10**6), 13, 999999])
            data = event(tenant, account, value, note="n" * self._choose.randint(0, 200))
            odd = self._choose.random()
            subject = f"books.{tenant}.{value % 7}"
            if odd < 0.01:
                data = self._choose.choice(_POISON)
            elif odd < 0.015:
                subject = "books.west.1"
            self.attempted += 1
            lines.append(self._line(subject, data))
            if odd > 0.97:
                # The same message again, as a publisher that missed its acknowledgement does.
                lines.append(lines[-1])
        connection.send(b"".join(lines))
        answer = json.loads(connection.request("books.north.0", event("north", "account:0", 5), 2.0))
        if "seq" in answer:
            self.acknowledged += count + 1

    def _line(self, subject: str, data: bytes) -> bytes:
        headers = b"NATS/1.0\r\nNats-Msg-Id: %d\r\n\r\n" % self.attempted
        sizes = b"%d %d" % (len(headers), len(headers) + len(data))
        return b"HPUB %b %b\r\n%b%b\r\n" % (subject.encode(), sizes, headers, data)
