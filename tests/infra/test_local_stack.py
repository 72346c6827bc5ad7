"""The whole local stack against Pulumi's mocks: its URNs, its wiring, its secrets."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.infra.local_stack import PROCESS, TASK, run
from tests.mocked_program import Run

_SNAPSHOT = Path(__file__).with_name("local_urns.txt")


@pytest.fixture(scope="module")
def local() -> Run:
    return run()


def test_urns_are_those_of_the_snapshot(local: Run) -> None:
    """URNs are public API: a changed one replaces servers. Renew with `make snapshot` on purpose."""
    assert sorted(local.resources) == _SNAPSHOT.read_text().splitlines()


def test_preview_registers_the_same_resources(local: Run) -> None:
    assert set(run(preview=True).resources) == set(local.resources)


def test_every_local_resource_carries_the_explicit_provider(local: Run) -> None:
    owned = [r for r in local.resources.values() if r.type.startswith("nebula-local:")]
    assert owned
    assert all("pulumi:providers:nebula-local::local" in resource.provider for resource in owned)


def test_every_component_exports_an_address(local: Run) -> None:
    endpoints = local.outputs["endpoints"]
    assert set(endpoints) == set(local.outputs["credentials"])
    for name, endpoint in endpoints.items():
        address = {"url", "bootstrap_servers", "master"} & set(endpoint) or {"host", "port"} <= set(endpoint)
        assert address, f"{name} exports no address: {endpoint}"


def test_no_secret_stands_in_a_plain_input(local: Run) -> None:
    minted = {f"secret-of-{name}" for name in local.of_type("nebula-local:index:Secret")}
    assert minted
    for resource in local.resources.values():
        text = json.dumps(resource.plain_inputs, default=str)
        assert not [secret for secret in minted if secret in text], f"{resource.urn} shows a secret"


def test_ports_move_together() -> None:
    moved = run(local={"port_offset": 1000})
    plain = run()
    for name, process in plain.of_type(PROCESS).items():
        expected = {port: number + 1000 for port, number in process.inputs["ports"].items()}
        assert moved.of_type(PROCESS)[name].inputs["ports"] == expected


def test_services_start_after_what_they_link_to(local: Run) -> None:
    keycloak = local.of_type(PROCESS)["keycloak"]
    databases = local.of_type(TASK)["postgres-databases"]
    assert databases.urn in keycloak.dependencies


def test_independent_servers_do_not_wait_for_each_other(local: Run) -> None:
    servers = {r.urn for r in local.of_type(PROCESS).values()}
    for name in ("postgres", "object_store", "kafka", "redis", "nats"):
        assert not servers & local.of_type(PROCESS)[name].dependencies


@pytest.mark.parametrize(
    ("off", "dependant"),
    [
        ("postgres", "iceberg_catalog"),
        ("object_store", "iceberg_catalog"),
        ("iceberg_catalog", "trino"),
        ("spark", "flights"),
        ("trino", "flights"),
    ],
)
def test_component_that_is_off_is_named_by_what_needs_it(off: str, dependant: str) -> None:
    with pytest.raises(ValidationError, match=rf"{dependant} needs {off}, which is off"):
        run(preview=True, components={off: False})


def test_component_that_is_off_leaves_no_resource_and_no_port() -> None:
    without = run(components={"kafka": False})
    assert "kafka" not in without.of_type(PROCESS)
    assert "kafka" not in without.outputs["endpoints"]
    (host,) = without.of_type("nebula-local:index:Host").values()
    assert not [port for port in host.inputs["ports"] if port.startswith("kafka.")]


def test_users_own_topics_buckets_databases_and_catalogs_reach_their_servers() -> None:
    local = run(
        topics=[{"name": "mine", "partitions": 2}],
        buckets=["my-bucket"],
        databases=["my_database"],
        trino={"catalogs": {"tpch": {"connector.name": "tpch"}}},
    )
    tasks = local.of_type(TASK)
    specs = {name: json.loads(task.inputs["secretFiles"]["spec.json"]) for name, task in tasks.items()}
    assert [topic["name"] for topic in specs["kafka-topics"]["topics"]] == ["mine"]
    assert {"name": "my-bucket"} in specs["object_store-buckets"]["buckets"]
    assert "my_database" in [database["name"] for database in specs["postgres-databases"]["databases"]]
    files = local.of_type(PROCESS)["trino"].inputs["secretFiles"]
    assert files["etc/catalog/tpch.properties"] == "connector.name=tpch\n"


if __name__ == "__main__":  # make snapshot
    _SNAPSHOT.write_text("\n".join(sorted(run().resources)) + "\n")


def test_a_value_of_a_catalog_is_one_property_whatever_it_holds() -> None:
    shop = {"connector.name": "mysql", "connection-password": "a\nconnector.name=memory", "note": "C:\\new"}
    trino = run(trino={"catalogs": {"shop": shop}}).of_type(PROCESS)["trino"]
    file = trino.inputs["secretFiles"]["etc/catalog/shop.properties"]
    assert file.splitlines() == [
        "connection-password=a\\nconnector.name=memory",
        "connector.name=mysql",
        "note=C:\\\\new",
    ]
