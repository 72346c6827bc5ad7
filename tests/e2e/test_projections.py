"""A declared projection on a real stack turns events from NATS into views over HTTP, even when its processes
are killed."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats
import psutil
import pytest
import requests

from infra.declared import LOCAL_PORTS
from tests.e2e import light, machine
from tests.e2e.stack import Stack
from tests.providers.local.plugin.client import until

pytestmark = pytest.mark.e2e
WORKER = "projections-carriers-all"
TENANTS = ("ewr", "jfk", "lga")
_PROGRAM = """\
def key(event):
    return event["payload"]["carrier"]

def project(view, event):
    view = view or {"flights": 0, "delay": 0, "hash": 7}
    delay = event["payload"]["delay"]
    view["flights"] += 1
    view["delay"] += delay
    view["hash"] = (view["hash"] * 31 + delay) % 2147483647
    return view
"""
_DECLARED = {
    "name": "carriers",
    "stream": "EVENTS",
    "subjects": ["events.*.departed"],
    "tenant_token": 1,
    "fields": ["payload.carrier", "payload.delay"],
    "program": _PROGRAM,
}
Event = tuple[str, str, int]


def _events(first: int, count: int) -> list[Event]:
    """Return events as tenant, carrier and delay."""
    numbers = range(first, first + count)
    return [(TENANTS[n % 3], f"C{n * 7 % 13}", n * 31 % 240 - 40) for n in numbers]


def _fold(events: Sequence[Event]) -> dict[tuple[str, str], dict[str, int]]:
    """Compute the view in plain Python."""
    views: dict[tuple[str, str], dict[str, int]] = {}
    for tenant, carrier, delay in events:
        view = views.setdefault((tenant, carrier), {"flights": 0, "delay": 0, "hash": 7})
        view["flights"] += 1
        view["delay"] += delay
        view["hash"] = (view["hash"] * 31 + delay) % 2147483647
    return views


@pytest.fixture(scope="module")
def stack(scratch_directory: Path, port_offset: int) -> Iterator[Stack]:
    settings = {**light.settings("nats", "projections"), "projections": [_DECLARED]}
    stack = Stack("projected", scratch_directory, settings, port_offset)
    try:
        stack.up()
        yield stack
    finally:
        stack.remove()


class Client:
    """A client of the stack's NATS and of its views. It uses the stack's outputs only."""

    def __init__(self, outputs: Mapping[str, Any]) -> None:
        self._nats = outputs["endpoints"]["nats"]["url"]
        self._login = outputs["credentials"]["nats"]
        self._url = outputs["endpoints"]["projections"]["urls"]["carriers"]["all"]
        self._key = outputs["credentials"]["projections"]["key"]

    def publish(self, events: Sequence[Event]) -> int:
        """Publish events, and return the stream sequence of the last one."""
        return asyncio.run(self._publish(events))

    async def _publish(self, events: Sequence[Event]) -> int:
        connection = await nats.connect(
            self._nats, user=self._login["username"], password=self._login["password"]
        )
        try:
            stream, last = connection.jetstream(), 0
            for tenant, carrier, delay in events:
                envelope = {
                    "tenant_id": tenant,
                    "aggregate_id": carrier,
                    "aggregate_type": "carrier",
                    "event_type": "departed",
                    "payload": {"carrier": carrier, "delay": delay},
                    "timestamp": "2013-01-01T05:15:00Z",
                }
                last = (await stream.publish(f"events.{tenant}.departed", json.dumps(envelope).encode())).seq
            return last
        finally:
            await connection.close()

    def ask(self, tenant: str, **parameters: str) -> requests.Response:
        token = hmac.new(self._key.encode(), f"tenant:{tenant}".encode(), hashlib.sha256).hexdigest()
        return requests.get(
            f"{self._url}/v1/views/carriers",
            params={"tenant": tenant, **parameters},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )

    def reached(self, last: int) -> bool:
        """Return whether the view includes the event with the sequence `last`. False while the worker is
        down."""
        try:
            answer = self.ask("ewr", limit="1")
        except requests.ConnectionError:
            return False
        return answer.status_code == 200 and int(answer.json()["sequence"]) >= last

    def views(self) -> dict[tuple[str, str], dict[str, int]]:
        found = {}
        for tenant in TENANTS:
            after: dict[str, str] = {}
            while True:
                page = self.ask(tenant, limit="4", sort="-flights", **after).json()
                found.update({(tenant, each["id"]): each["view"] for each in page["views"]})
                if page["next"] is None:
                    break
                after = {"after": page["next"]}
        return found


def _worker(stack: Stack) -> psutil.Process:
    (found,) = [
        psutil.Process(each.pid)
        for each in machine.programs_of(stack.directory)
        if "apps.projections" in each.argv and "work" in each.argv
    ]
    return found


def test_views_equal_a_plain_fold_though_service_and_worker_are_killed(stack: Stack) -> None:
    client = Client(stack.outputs())
    events = _events(0, 1500)
    client.publish(events)
    service = _worker(stack).parent()
    assert service is not None
    service.kill()
    more = _events(1500, 1500)
    last = client.publish(more)
    until(lambda: client.reached(1))
    _worker(stack).kill()
    rest = _events(3000, 500)
    last = client.publish(rest)
    until(lambda: client.reached(last))
    assert client.views() == _fold([*events, *more, *rest])


def test_a_tenants_token_opens_no_others_views(stack: Stack) -> None:
    client = Client(stack.outputs())
    assert client.ask("ewr").status_code == 200
    token = client.ask("ewr").request.headers["Authorization"]
    url = stack.endpoint("projections")["urls"]["carriers"]["all"]
    for headers in ({}, {"Authorization": token}):
        answer = requests.get(
            f"{url}/v1/views/carriers", params={"tenant": "jfk"}, headers=headers, timeout=30
        )
        assert answer.status_code == 401


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    assert stack.up().changes == {}


def test_a_changed_program_restarts_its_worker_alone(stack: Stack) -> None:
    changed = {**_DECLARED, "program": _PROGRAM + "\n# Another.\n"}
    stack.configure({**stack.settings, "projections": [changed]})
    assert stack.up().changes == {f"Process::{WORKER}": "update"}


def test_destroy_leaves_no_process_no_port_and_no_file(stack: Stack) -> None:
    worker = urlsplit(stack.endpoint("projections")["urls"]["carriers"]["all"]).port
    assert worker is not None
    stack.destroy()
    assert not machine.programs_of(stack.directory)
    numbers = [LOCAL_PORTS.port("nats", "client", stack.port_offset), worker]
    assert machine.listening(numbers) == {}
    assert not stack.directory.exists()
