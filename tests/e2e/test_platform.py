"""Each server does what the platform promises of it, seen by ordinary clients."""

import asyncio
import io
import subprocess
import sys
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import nats.errors
import psycopg
import pytest
import redis
from minio.error import S3Error
from nats.aio.client import Client

from providers.local.plugin.server_status import log_path
from tests.e2e import machine, topics
from tests.e2e.full import BUCKET, DATABASE, TOPIC, FullStack

_BUCKETS = {"bronze", "silver", "gold", "warehouse", "checkpoints", BUCKET}
_WRITABLE = {
    "iceberg_catalog": {"warehouse"},
    "trino": {"warehouse"},
    "spark": {"warehouse", "checkpoints"},
    "flights": {"bronze", "warehouse"},
    "nebula": _BUCKETS,
}
_READABLE = {**_WRITABLE, "spark": {"warehouse", "checkpoints", "bronze"}}


def test_second_up_and_a_preview_after_it_have_no_changes(full: FullStack) -> None:
    assert full.stack.up().changes == {}
    assert full.stack.preview().changes == {}


def test_every_server_runs_and_answers_on_loopback_alone(full: FullStack) -> None:
    servers = full.stack.servers()
    assert set(servers) == {
        "postgres", "object_store", "kafka", "redis", "nats", "iceberg_catalog", "trino", "spark-master",
        "spark-worker", "keycloak",
    }  # fmt: skip
    assert {server.state for server in servers.values()} == {"RUNNING"}
    for server in servers.values():
        assert all(address.startswith("127.0.0.1:") for address in server.addresses.values())


def test_nothing_listens_but_on_declared_ports_of_loopback(full: FullStack) -> None:
    declared = {
        int(address.rpartition(":")[2])
        for server in full.stack.servers().values()
        for address in server.addresses.values()
    }
    listening = machine.sockets_of(full.stack.directory)
    assert {number for _, number in listening} == declared
    assert {host for host, _ in listening} == {"127.0.0.1", "::1"}  # the object store takes both


@pytest.mark.parametrize("listen", ["TCP6", "UDP"])
def test_a_port_that_nobody_declared_is_found(full: FullStack, listen: str) -> None:
    program = (
        "import socket, sys; "
        "kind, family, host = {'TCP6': (socket.SOCK_STREAM, socket.AF_INET6, '::1'), "
        "'UDP': (socket.SOCK_DGRAM, socket.AF_INET, '127.0.0.1')}[sys.argv[1]]; "
        "s = socket.socket(family, kind); s.bind((host, 0)); kind == socket.SOCK_STREAM and s.listen(); "
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, listen],
        cwd=full.stack.directory / "run",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        found = machine.sockets_of(full.stack.directory)
        process.communicate()
    assert [port for _, port in found if port == number] == [number]


# What each server's documentation says that it prints when it is up.
_KNOWN_LINES = {
    "postgres": "database system is ready to accept connections",
    "object_store": "API: http://127.0.0.1:",
    "kafka": "Kafka Server started (kafka.server.KafkaRaftServer)",
    "redis": "Ready to accept connections",
    "nats": "Server is ready",
    "iceberg_catalog": "started in",
    "trino": "======== SERVER STARTED ========",
    "spark-master": "I have been elected leader! New state: ALIVE",
    "spark-worker": "Successfully registered with master",
    "keycloak": "Management interface listening on",
}


def test_every_server_says_in_its_log_that_it_is_up(full: FullStack) -> None:
    silent = {
        name: log_path(full.stack.directory, name).read_text(errors="replace")[:2000]
        for name in full.stack.servers()
        if _KNOWN_LINES[name] not in log_path(full.stack.directory, name).read_text(errors="replace")
    }
    assert silent == {}


def connect(full: FullStack, database: str, user: str, password: str) -> psycopg.Connection[Any]:
    endpoint = full.endpoint("postgres")
    return psycopg.connect(
        host=endpoint["host"],
        port=int(endpoint["port"]),
        dbname=database,
        user=user,
        password=password,
        connect_timeout=10,
    )


def test_postgres_is_18_with_scram_and_logical_replication(full: FullStack) -> None:
    superuser = full.credentials("postgres")
    with connect(full, "postgres", superuser["username"], superuser["password"]) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("server_version", "password_encryption", "wal_level")
        }
        roles = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolcanlogin").fetchall()
        rules = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert str(shown["server_version"]).startswith("('18.")
    assert shown["password_encryption"] == ("scram-sha-256",)
    assert shown["wal_level"] == ("logical",)
    assert all(password.startswith("SCRAM-SHA-256$") for (password,) in roles)
    assert rules == [("scram-sha-256",)]


def test_each_owner_reaches_its_own_database_and_no_other(full: FullStack) -> None:
    owners = full.credentials("postgres")["databases"]
    assert set(owners) == {"iceberg_catalog", "keycloak", DATABASE}
    for database, owner in owners.items():
        with connect(full, database, owner["username"], owner["password"]) as connection:
            connection.execute("CREATE TABLE probe (id int)")
            connection.execute("DROP TABLE probe")
        for other in {*owners, "postgres", "template1"} - {database}:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                connect(full, other, owner["username"], owner["password"])


def test_postgres_refuses_a_wrong_password(full: FullStack) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(full, DATABASE, DATABASE, "wrong")


def test_all_buckets_are_there(full: FullStack) -> None:
    assert {bucket.name for bucket in full.object_store("nebula").list_buckets()} == _BUCKETS
    assert set(full.endpoint("object_store")["buckets"]) == _BUCKETS


@pytest.mark.parametrize("service", sorted(_WRITABLE))
def test_a_service_key_reaches_its_own_buckets_and_no_other(full: FullStack, service: str) -> None:
    client, admin = full.object_store(service), full.object_store("nebula")
    key = f"probe-{service}"
    for bucket in sorted(_BUCKETS):
        admin.put_object(bucket, key, io.BytesIO(b"probe"), 5)
        write = allowed(partial(client.put_object, bucket, key, io.BytesIO(b"other"), 5))
        lists = allowed(partial(list, client.list_objects(bucket)))
        read = allowed(partial(client.stat_object, bucket, key))
        remove = allowed(partial(client.remove_object, bucket, key))
        admin.remove_object(bucket, key)
        assert write == remove == (bucket in _WRITABLE[service]), bucket
        assert read == lists == (bucket in _READABLE[service]), bucket


def allowed(call: Callable[[], object]) -> bool:
    try:
        call()
    except S3Error as error:
        if error.code != "AccessDenied":
            raise
        return False
    return True


def test_kafka_has_the_declared_topics(full: FullStack) -> None:
    assert topics.partitions(full.endpoint("kafka")["bootstrap_servers"]) == {
        "ebap.events.raw": 6,
        "ebap.metrics.telemetry": 6,
        "ebap.cdc.users": 3,
        "ebap.audit.logs": 1,
        TOPIC: 2,
    }


def test_kafka_keeps_what_is_produced(full: FullStack) -> None:
    servers, value = full.endpoint("kafka")["bootstrap_servers"], uuid.uuid4().bytes
    topics.produce(servers, TOPIC, value)
    assert value in topics.consume(servers, TOPIC)


async def nats_client(full: FullStack, **options: Any) -> Client:
    client = Client()
    try:
        await client.connect(
            full.endpoint("nats")["url"], allow_reconnect=False, connect_timeout=30, **options
        )
    except nats.errors.Error:
        await client.close()
        raise
    return client


async def _ignore(_: Exception) -> None:
    """The error comes out of `connect` as well."""


@pytest.mark.parametrize("options", [{}, {"user": "nebula", "password": "wrong"}])
def test_nats_refuses_without_credentials(full: FullStack, options: dict[str, str]) -> None:
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        asyncio.run(nats_client(full, error_cb=_ignore, **options))


def test_nats_keeps_what_is_published_in_a_file(full: FullStack) -> None:
    credentials = full.credentials("nats")

    async def publish() -> tuple[Any, Any, bytes | None]:
        client = await nats_client(full, user=credentials["username"], password=credentials["password"])
        stream = client.jetstream()
        published = await stream.publish("events.probe", b"probe")
        info = await stream.stream_info("EVENTS")
        message = await stream.get_msg("EVENTS", published.seq)
        await client.close()
        return published, info.config, message.data

    published, config, data = asyncio.run(publish())
    assert published.stream == "EVENTS"
    assert config.storage == "file"
    assert data == b"probe"


def test_redis_wants_its_password_and_evicts_within_its_memory(full: FullStack) -> None:
    endpoint, credentials = full.endpoint("redis"), full.credentials("redis")
    stranger = redis.Redis(endpoint["host"], int(endpoint["port"]))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis(
        endpoint["host"], int(endpoint["port"]), password=credentials["password"], decode_responses=True
    ) as client:
        assert client.set("probe", "value")
        assert client.get("probe") == "value"
        assert client.config_get("maxmemory") == {"maxmemory": str(128 * 1024**2)}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
