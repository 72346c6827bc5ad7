"""What any spec may get wrong, and a server that is not there; no server runs for these."""

import pytest

from tests.apps.provisioner.conftest import Declared, Provision, mint
from tests.apps.provisioner.servers import free_port

POSTGRES = {"service": "postgres", "host": "127.0.0.1", "port": 1, "user": "postgres", "password": mint()}
KEYCLOAK = {
    "service": "keycloak",
    "url": "http://127.0.0.1:1",
    "user": "bootstrap",
    "password": mint(),
    "realm": "nebula",
}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({}, "service: "),
        ({"service": "cobol"}, "service: "),
        ({**POSTGRES, "databases": [], "hots": "x"}, "hots: unknown key"),
        ({**POSTGRES}, "databases: required"),
        ({**POSTGRES, "port": 0, "databases": []}, "port: "),
        ({**POSTGRES, "databases": [{"name": "a", "owner": "a"}]}, "databases[0].password: required"),
        (
            {**POSTGRES, "databases": [{"name": "a", "owner": "postgres", "password": mint()}]},
            "databases[0].owner: must not be the administrator",
        ),
        (
            {**POSTGRES, "databases": [{"name": name, "owner": "a", "password": mint()} for name in "ab"]},
            "databases[1].password: differs",
        ),
        (
            {
                "service": "object_store",
                "endpoint": "http://127.0.0.1:1",
                "access_key": "root",
                "secret_key": mint(),
                "buckets": [],
            },
            "endpoint: must be host:port",
        ),
        (
            {
                "service": "object_store",
                "endpoint": "127.0.0.1:1",
                "access_key": "root",
                "secret_key": mint(),
                "buckets": [{"name": "gold"}],
                "users": [
                    {
                        "name": "trino",
                        "secret_key": mint(),
                        "grants": [{"buckets": ["glod"], "access": "read"}],
                    }
                ],
            },
            "users[0].grants[0].buckets: 'glod' is not among the declared buckets",
        ),
        (
            {
                "service": "kafka",
                "bootstrap_servers": "127.0.0.1:1",
                "topics": [{"name": "a"}, {"name": "a"}],
            },
            "topics: 'a' is declared more than once",
        ),
        (
            {"service": "nats", "servers": ["nats://127.0.0.1:1"], "streams": [{"name": "A"}]},
            "streams[0].subjects: required",
        ),
        ({**KEYCLOAK, "realm": "master"}, "realm: must not be master"),
        ({**KEYCLOAK, "clients": [{"id": "a", "public": False}]}, "clients[0]: secret: required"),
        (
            {**KEYCLOAK, "users": [{"username": "a", "password": mint(), "roles": ["admin"]}]},
            "users[0].roles: 'admin' is not among the declared roles",
        ),
        (
            {"service": "iceberg_catalog", "uri": "127.0.0.1:1", "namespaces": []},
            "uri: must start with http:// or https://",
        ),
    ],
)
def test_a_wrong_spec_is_refused_with_its_key(spec: Declared, problem: str, provision: Provision) -> None:
    run = provision(spec)
    assert run.code == 2
    assert problem in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert run.result is None


@pytest.mark.parametrize(
    ("spec", "address_key", "scheme"),
    [
        ({**POSTGRES, "databases": []}, "port", None),
        (
            {"service": "object_store", "access_key": "root", "secret_key": mint(), "buckets": []},
            "endpoint",
            "",
        ),
        ({"service": "kafka", "topics": []}, "bootstrap_servers", ""),
        ({"service": "nats", "servers": [], "streams": []}, "servers", "nats://"),
        (KEYCLOAK, "url", "http://"),
        ({"service": "iceberg_catalog", "namespaces": []}, "uri", "http://"),
    ],
    ids=lambda value: value.get("service") if isinstance(value, dict) else None,
)
def test_a_server_that_is_not_there_is_named(
    spec: Declared, address_key: str, scheme: str | None, provision: Provision
) -> None:
    port = free_port()
    address: object = port if scheme is None else f"{scheme}127.0.0.1:{port}"
    if address_key == "servers":
        address = [address]
    run = provision({**spec, address_key: address, "wait_seconds": 0.5})
    assert run.code == 1
    assert f"at 127.0.0.1:{port} did not answer within 0.5 s" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert "waiting for" in run.stdout
