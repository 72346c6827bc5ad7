"""One property of each component changes, one at a time, and exactly the expected resources change.

Against mocks; tests/e2e/test_changes.py does it to servers that run.
"""

from collections.abc import Callable
from copy import deepcopy
from types import ModuleType
from typing import Any

import pytest
import yaml

from components import iceberg_catalog, nats, postgres, redis
from infra import lakehouse
from infra.declared import LOCAL_PORTS
from infra.stack_file import KEY
from tests.infra.planned import TEMPLATE, Standing, stand

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
    "MinIO's memory": (
        lambda settings: settings["sizing"].update(object_store={"memory": 1280}),
        {"Process::object_store": "update"},
    ),
    "Kafka's heap": (
        lambda settings: settings["sizing"].update(kafka={"heap": 384}),
        {"Process::kafka": "update"},
    ),
    "the Spark worker's cores": (
        lambda settings: settings["sizing"].update({"spark-worker": {"cpu": 1}}),
        {"Process::spark-worker": "update"},
    ),
    "Keycloak's heap": (
        lambda settings: settings["sizing"].update(keycloak={"heap": 384}),
        {"Process::keycloak": "update"},
    ),
    "the driver's heap": (
        lambda settings: settings["sizing"].update(flights={"heap": 1280}),
        {"Task::flights-pipeline": "update"},
    ),
}

_BY_SOURCE: dict[str, tuple[ModuleType, str, str, dict[str, str]]] = {
    "Postgres' settings": (
        postgres,
        "max_connections = 100",
        "max_connections = 120",
        {"Process::postgres": "update"},
    ),
    "Redis' policy": (redis, "allkeys-lru", "allkeys-lfu", {"Process::redis": "update"}),
    "the catalog's connections": (
        iceberg_catalog,
        "max-size=10",
        "max-size=12",
        {"Process::iceberg_catalog": "update"},
    ),
    "the JetStream memory": (
        nats,
        "max_memory_store: {memory}M",
        "max_memory_store: 32M",
        {"Process::nats": "update"},
    ),
}


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The local template with something of the user's own of each kind, every component and the demo."""
    local: Settings = yaml.safe_load(TEMPLATE.read_text())["config"][KEY]
    return local | {
        "topics": [*local["topics"], {"name": "shop.orders", "partitions": 2}],
        "buckets": ["landing"],
        "databases": ["shop"],
        "trino": {"catalogs": {"archive": {"connector.name": "tpch"}}},
        "keycloak": {},
        "sizing": {},
        "local": {"directory": "/state"},
    }


@pytest.fixture(scope="module")
def before(settings: Settings) -> Standing:
    return stand(settings)


def test_what_does_not_change_is_left_as_it_is(settings: Settings, before: Standing) -> None:
    assert before.changes(stand(settings, before)) == {}


@pytest.mark.parametrize("what", _BY_SETTINGS)
def test_a_setting_changes_what_it_is_about_and_nothing_else(
    settings: Settings, before: Standing, what: str
) -> None:
    edit, expected = _BY_SETTINGS[what]
    changed = deepcopy(settings)
    edit(changed)
    assert before.changes(stand(changed, before)) == expected


@pytest.mark.parametrize("what", _BY_SOURCE)
def test_a_property_of_a_server_changes_it_and_nothing_else(
    settings: Settings, before: Standing, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, old, new, expected = _BY_SOURCE[what]
    (name,) = (name for name, value in vars(module).items() if isinstance(value, str) and old in value)
    monkeypatch.setattr(module, name, getattr(module, name).replace(old, new))
    assert before.changes(stand(settings, before)) == expected


def test_a_port_moves_its_server_and_is_looked_at_by_the_host(
    settings: Settings, before: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOCAL_PORTS, "ports", {**LOCAL_PORTS.ports, "redis.redis": 26380})
    expected = {"Host::local": "update", "Process::redis": "update"}
    assert before.changes(stand(settings, before)) == expected


def test_a_namespace_is_made_by_its_task(
    settings: Settings, before: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lakehouse, "NAMESPACES", ("platinum", *lakehouse.NAMESPACES))
    assert before.changes(stand(settings, before)) == {"Task::iceberg_catalog-namespaces": "update"}
