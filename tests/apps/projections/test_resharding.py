"""A view is divided anew while events come, as `make up` does it: new shards are ready, then old ones go."""

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from apps.projections import tokens
from apps.projections.keys import ViewKey
from tests.apps.projections import ledger
from tests.apps.projections.nats_server import NatsServer, nats_server
from tests.apps.projections.running import KEY, Running
from tests.providers.local.plugin.client import until

TENANTS = ("ewr", "jfk", "lga")
Shards = Mapping[str, list[str]]
ONE: Shards = {"all": ["events.>"]}
TWO: Shards = {"newark": ["events.ewr.>"], "rest": ["events.jfk.>", "events.lga.>"]}
THREE: Shards = {"newark": ["events.ewr.>"], "rest": ["events.lga.>"], "kennedy": ["events.jfk.>"]}


class Stream(threading.Thread):
    """Events of all tenants, until `finish`."""

    def __init__(self, nats: NatsServer) -> None:
        super().__init__(daemon=True)
        self._nats = nats
        self._over = threading.Event()
        self._number = 0

    def run(self) -> None:
        while not self._over.wait(0.02):
            self.publish(40)

    def publish(self, count: int) -> int:
        first, self._number = self._number, self._number + count
        return self._nats.publish(_event(number) for number in range(first, first + count))

    def finish(self) -> None:
        self._over.set()
        self.join()


def _event(number: int) -> tuple[str, bytes]:
    tenant = TENANTS[number % 3]
    return f"events.{tenant}.booked", ledger.event(tenant, f"a{number % 11}", number)


@dataclass
class View:
    """Its shards as they are declared, each a service with files of its own."""

    directory: Path
    nats: NatsServer
    shards: dict[str, Running] = field(default_factory=dict)

    def divide(self, shards: Shards) -> None:
        """Returns once every new or changed shard is ready and those that are declared no more are gone."""
        for name, subjects in shards.items():
            (self.directory / name).mkdir(exist_ok=True)
            if old := self.shards.get(name):
                _end(old)
            service = Running(self.directory / name, self.nats, shard=name, subjects=subjects)
            self.shards[name] = service
            service.start()
        for name in self.shards.keys() - shards.keys():
            _end(self.shards.pop(name))
            shutil.rmtree(self.directory / name)

    def filled(self) -> bool:
        return all(
            json.loads(service.command("status", str(service.spec)))["fills"] == []
            for service in self.shards.values()
        )

    def answers(self) -> list[tuple[bytes, bytes]]:
        """What all shards answer for all tenants: twice what two of them hold."""
        found = []
        for service in self.shards.values():
            for tenant in TENANTS:
                answer = requests.get(
                    f"http://127.0.0.1:{service.port}/v1/views/{ledger.VIEW}",
                    params={"tenant": tenant, "limit": "1000"},
                    headers={"Authorization": f"Bearer {tokens.make_token(KEY, tenant)}"},
                    timeout=30,
                )
                assert answer.status_code == 200, answer.text
                for each in answer.json()["views"]:
                    text = json.dumps(each["view"], separators=(",", ":"))
                    found.append((ViewKey(tenant, ledger.VIEW, each["id"]).encode(), text.encode()))
        return sorted(found)

    def end(self) -> None:
        for service in self.shards.values():
            service.kill()


def _end(service: Running) -> None:
    assert service.process is not None
    service.process.terminate()
    assert service.process.wait(60) == 0


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    directory = tmp_path / "nats"
    directory.mkdir()
    with nats_server(directory) as server:
        server.add_stream("EVENTS", ["events.>"], allow_direct=True)
        yield server


def test_nothing_is_lost_or_doubled_from_one_shard_to_two_to_three_and_back(
    tmp_path: Path, nats: NatsServer
) -> None:
    view, stream = View(tmp_path, nats), Stream(nats)
    try:
        stream.publish(3000)
        stream.start()
        for shards in (ONE, TWO, THREE, ONE):
            view.divide(shards)
            until(view.filled)
        stream.finish()
        expected = sorted(ledger.fold(nats.messages("EVENTS"))[0].items())
        until(lambda: view.answers() == expected)
    finally:
        stream.finish()
        view.end()


def test_each_division_answers_for_every_event(tmp_path: Path, nats: NatsServer) -> None:
    """Also a shard that keeps its name and gets other subjects: `rest` loses a tenant, and gets it back."""
    view, stream = View(tmp_path, nats), Stream(nats)
    try:
        for shards in (ONE, TWO, THREE, TWO):
            stream.publish(600)
            view.divide(shards)
            until(view.filled)
            expected = sorted(ledger.fold(nats.messages("EVENTS"))[0].items())
            until(lambda: view.answers() == expected)  # noqa: B023 - called within the loop
    finally:
        view.end()


def test_a_new_shard_is_not_ready_before_it_holds_what_the_stream_had(
    tmp_path: Path, nats: NatsServer
) -> None:
    last = Stream(nats).publish(6000)
    service = Running(tmp_path, nats, batch=5)
    try:
        service.start(ready=False)
        until(lambda: "is being filled" in service.wrong("/ready"))
        assert service.wrong("/health") == ""
        until(lambda: service.status("/ready") == 200)
        assert int(service.ask("ewr")["sequence"]) >= last
    finally:
        service.kill()
