"""A change reaches the server that it is about, and no other is touched.

tests/infra/test_changes.py changes one property of each component against mocks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import redis

from tests.e2e import topics
from tests.e2e.full import TOPIC, FullStack

Settings = dict[str, Any]


def changed(full: FullStack, edit: Callable[[Settings], object]) -> Settings:
    settings = deepcopy(full.stack.settings)
    edit(settings)
    return settings


@contextmanager
def settings_with(full: FullStack, edit: Callable[[Settings], object]) -> Iterator[None]:
    before = full.stack.settings
    full.stack.configure(changed(full, edit))
    try:
        yield
    finally:
        full.stack.configure(before)


def pids(full: FullStack) -> dict[str, int]:
    return {name: server.pid for name, server in full.stack.servers().items()}


def memory(full: FullStack) -> int:
    """Redis' limit, in bytes, as Redis says it."""
    endpoint = full.endpoint("redis")
    with redis.Redis(
        endpoint["host"],
        int(endpoint["port"]),
        password=full.credentials("redis")["password"],
        decode_responses=True,
    ) as client:
        return int(client.config_get("maxmemory")["maxmemory"])


def test_up_restarts_the_changed_server_alone_and_takes_the_change_back(full: FullStack) -> None:
    before, limit = pids(full), memory(full)
    expected = {"Process::redis": "update"}
    with settings_with(full, lambda settings: settings.update(sizing={"redis": {"memory": 512}})):
        assert full.stack.preview().changes == expected
        assert full.stack.up().changes == expected
        after = pids(full)
        assert {name for name in before if before[name] != after[name]} == {"redis"}
        assert memory(full) == 2 * limit
    assert full.stack.up().changes == expected
    assert memory(full) == limit


def test_up_adds_partitions_without_a_restart(full: FullStack) -> None:
    before = pids(full)
    # And stays: partitions never shrink.
    full.stack.configure(changed(full, lambda settings: settings["topics"][-1].update(partitions=3)))
    expected = {"Task::kafka-topics": "update"}
    assert full.stack.preview().changes == expected
    assert full.stack.up().changes == expected
    assert topics.partitions(full.endpoint("kafka")["bootstrap_servers"])[TOPIC] == 3
    assert pids(full) == before
    assert full.stack.preview().changes == {}
