"""When one property of a component changes, exactly the expected resources change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest
import redis

from tests.e2e import topics
from tests.e2e.full import TOPIC, FullStack

Settings = dict[str, Any]
Edit = Callable[[Settings], object]

_BY_SETTINGS: dict[str, tuple[Edit, dict[str, str]]] = {
    "a database of Postgres": (
        lambda settings: settings["databases"].append("billing"),
        {"Secret::postgres-billing": "create", "Task::postgres-databases": "update"},
    ),
    "a bucket": (
        lambda settings: settings["buckets"].append("returns"),
        {"Task::object_store-buckets": "update"},
    ),
    "a topic's partitions": (
        lambda settings: settings["topics"][-1].update(partitions=3),
        {"Task::kafka-topics": "update"},
    ),
    "a stream's subjects": (
        lambda settings: settings["streams"][0]["subjects"].append("orders.>"),
        {"Task::nats-streams": "update"},
    ),
    "a catalog of Trino": (
        lambda settings: settings["trino"]["catalogs"].update(
            second=settings["trino"]["catalogs"]["archive"]
        ),
        {"Process::trino": "update"},
    ),
    "a redirect URI": (
        lambda settings: settings["keycloak"].update(redirect_uris=["https://example.org/*"]),
        {"Task::keycloak-realm": "update"},
    ),
    "whether data is kept": (
        lambda settings: settings["local"].update(keep_data=True),
        {"Host::local": "update"},
    ),
}

_BY_SOURCE: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "Postgres' settings": (
        "components/postgres.py",
        "max_connections = 100",
        "max_connections = 120",
        {"Process::postgres": "update"},
    ),
    "Redis' policy": (
        "components/redis.py",
        "allkeys-lru",
        "allkeys-lfu",
        {"Process::redis": "update"},
    ),
    "Redis' port": (
        "providers/local/ports.py",
        '"redis.redis": 26379',
        '"redis.redis": 26380',
        {"Host::local": "update", "Process::redis": "update"},
    ),
    "the catalog's connections": (
        "components/iceberg_catalog.py",
        "max-size=10",
        "max-size=12",
        {"Process::iceberg_catalog": "update"},
    ),
    "a namespace": (
        "infra/platform.py",
        'NAMESPACES = ("bronze",',
        'NAMESPACES = ("platinum", "bronze",',
        {"Task::iceberg_catalog-namespaces": "update"},
    ),
    "MinIO's memory": (
        "components/sizing.py",
        '"object_store": WorkloadSize(cpu=1, memory=1024,',
        '"object_store": WorkloadSize(cpu=1, memory=1280,',
        {"Process::object_store": "update"},
    ),
    "Kafka's heap": (
        "components/sizing.py",
        '"kafka": WorkloadSize(cpu=1, memory=768, heap=320,',
        '"kafka": WorkloadSize(cpu=1, memory=768, heap=384,',
        {"Process::kafka": "update"},
    ),
    "the Spark worker's cores": (
        "components/sizing.py",
        '"spark-worker": WorkloadSize(cpu=2, memory=2048, heap=256)',
        '"spark-worker": WorkloadSize(cpu=1, memory=2048, heap=256)',
        {"Process::spark-worker": "update"},
    ),
    "Keycloak's heap": (
        "components/sizing.py",
        '"keycloak": WorkloadSize(cpu=1, memory=768, heap=320)',
        '"keycloak": WorkloadSize(cpu=1, memory=768, heap=384)',
        {"Process::keycloak": "update"},
    ),
    "the JetStream memory": (
        "components/nats.py",
        "max_memory_store: {memory}M",
        "max_memory_store: 32M",
        {"Process::nats": "update"},
    ),
    "the driver's heap": (
        "components/sizing.py",
        '"flights": WorkloadSize(cpu=1, memory=2048, heap=1024)',
        '"flights": WorkloadSize(cpu=1, memory=2048, heap=1280)',
        {"Task::flights-pipeline": "update"},
    ),
}


@contextmanager
def settings_with(full: FullStack, edit: Edit) -> Iterator[None]:
    before = full.stack.settings
    changed = deepcopy(before)
    edit(changed)
    full.stack.configure(changed)
    try:
        yield
    finally:
        full.stack.configure(before)


@contextmanager
def source_with(full: FullStack, path: str, old: str, new: str) -> Iterator[None]:
    file = full.stack.checkout.root / path
    before = file.read_text()
    assert before.count(old) == 1, f"{path} does not hold {old!r} once"
    file.write_text(before.replace(old, new))
    try:
        yield
    finally:
        file.write_text(before)


@pytest.mark.parametrize("what", _BY_SETTINGS)
def test_a_setting_changes_what_it_is_about_and_nothing_else(full: FullStack, what: str) -> None:
    edit, expected = _BY_SETTINGS[what]
    with settings_with(full, edit):
        assert full.stack.preview().changes == expected


@pytest.mark.parametrize("what", _BY_SOURCE)
def test_a_property_of_a_server_changes_it_and_nothing_else(full: FullStack, what: str) -> None:
    path, old, new, expected = _BY_SOURCE[what]
    with source_with(full, path, old, new):
        assert full.stack.preview().changes == expected


def pids(full: FullStack) -> dict[str, int]:
    return {name: server.pid for name, server in full.stack.servers().items()}


def policy(full: FullStack) -> str:
    endpoint = full.endpoint("redis")
    with redis.Redis(
        endpoint["host"],
        int(endpoint["port"]),
        password=full.credentials("redis")["password"],
        decode_responses=True,
    ) as client:
        return str(client.config_get("maxmemory-policy")["maxmemory-policy"])


def test_up_restarts_the_changed_server_alone_and_takes_the_change_back(full: FullStack) -> None:
    before = pids(full)
    path, old, new, expected = _BY_SOURCE["Redis' policy"]
    with source_with(full, path, old, new):
        assert full.stack.up().changes == expected
        after = pids(full)
        assert {name for name in before if before[name] != after[name]} == {"redis"}
        assert policy(full) == "allkeys-lfu"
    assert full.stack.up().changes == expected
    assert policy(full) == "allkeys-lru"


def test_up_adds_partitions_without_a_restart(full: FullStack) -> None:
    before = pids(full)
    edit, expected = _BY_SETTINGS["a topic's partitions"]
    changed = deepcopy(full.stack.settings)
    edit(changed)
    full.stack.configure(changed)  # and stays: partitions never shrink
    assert full.stack.up().changes == expected
    assert topics.partitions(full.endpoint("kafka")["bootstrap_servers"])[TOPIC] == 3
    assert pids(full) == before
    assert full.stack.preview().changes == {}
