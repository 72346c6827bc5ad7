"""The light stack: four servers that start within seconds, texts written to them and read again, and the
Makefile's commands on it."""

import asyncio
import io
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import nats
import psycopg
import redis
from minio import Minio

from infra.declared import LOCAL_PORTS
from infra.engine import backend
from infra.engine.checkout import Checkout
from infra.settings import Components
from tests.e2e import machine
from tests.e2e.private_directories import PrivateDirectories
from tests.e2e.stack import EngineRun, Stack, copy_checkout

EVERY = tuple(Components.model_fields)
LIGHT = ("postgres", "object_store", "redis", "nats")
PROGRAMS = {"postgres": "postgres", "object_store": "minio", "redis": "redis-server", "nats": "nats-server"}


def settings(*components: str) -> dict[str, Any]:
    """Return `nebula:platform` with only these components switched on."""
    return {
        "components": {name: name in components for name in EVERY},
        "databases": ["shop"],
        "streams": [{"name": "EVENTS", "subjects": ["events.>"]}],
    }


def expected(*components: str) -> Counter[str]:
    """Return the programs that must run for these components, each once."""
    return Counter([machine.SUPERVISORD, *(PROGRAMS[name] for name in components)])


def ports(offset: int) -> list[int]:
    """Every port that a light stack may listen on."""
    return list(LOCAL_PORTS.of_components(LIGHT, offset).values())


def clone_stack(
    name: str, tmp: Path, components: tuple[str, ...], offset: int, places: PrivateDirectories | None = None
) -> Stack:
    """Return a stack in the backend that `make up` chooses in a clone when nobody is logged in to Pulumi."""
    checkout = Checkout(copy_checkout(tmp / "checkout"))
    chosen = backend.choose(checkout, {"PULUMI_HOME": str(tmp / "nobody")})
    stack = Stack(name, tmp, settings(*components), offset, checkout.root, chosen.variables, places)
    stack.backend = checkout.state
    return stack


def make(stack: Stack, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what the Makefile's target `command` runs. The result has stdout and stderr together in
    `stdout`."""
    return subprocess.run(
        [*stack.prefix, sys.executable, "-m", "infra.engine", command, "--stack", stack.name],
        cwd=stack.checkout.root,
        env=stack.environment | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def start_make_up(stack: Stack, log: Path) -> EngineRun:
    """Start `make up` as a run whose events can be followed. Its process is the wrapper, not the engine."""
    events = log.with_suffix(".events")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*stack.prefix, sys.executable, "-m", "infra.engine", "up", "--stack", stack.name],
            cwd=stack.checkout.root,
            env=stack.environment | {"PULUMI_OPTION_EVENT_LOG": str(events), "PULUMI_PARALLEL": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return EngineRun(process, log, events)


class Mark(Protocol):
    """Connects to a server, in which a text can be written and later read again."""

    def __call__(self, endpoint: Mapping[str, Any], credentials: Mapping[str, Any]) -> "Kept": ...


@dataclass(frozen=True)
class Kept:
    write: Callable[[str], None]
    read: Callable[[], str]


def in_postgres(endpoint: Mapping[str, Any], credentials: Mapping[str, Any]) -> Kept:
    owner = credentials["databases"]["shop"]

    def connect() -> psycopg.Connection[tuple[str]]:
        return psycopg.connect(
            host=endpoint["host"],
            port=int(endpoint["port"]),
            dbname="shop",
            user=owner["username"],
            password=owner["password"],
            connect_timeout=10,
        )

    def write(text: str) -> None:
        with connect() as connection:
            connection.execute("create table if not exists mark (text text)")
            connection.execute("insert into mark values (%s)", (text,))

    def read() -> str:
        with connect() as connection:
            return ",".join(row[0] for row in connection.execute("select text from mark").fetchall())

    return Kept(write, read)


def client_of(endpoint: Mapping[str, Any], credentials: Mapping[str, Any]) -> Minio:
    """Return an S3 client of the object store with these outputs."""
    return Minio(
        endpoint["url"].removeprefix("http://"),
        access_key=credentials["username"],
        secret_key=credentials["password"],
        secure=False,
    )


def in_object_store(endpoint: Mapping[str, Any], credentials: Mapping[str, Any]) -> Kept:
    client = client_of(endpoint, credentials)

    def write(text: str) -> None:
        client.put_object("bronze", "mark", io.BytesIO(text.encode()), len(text.encode()))

    def read() -> str:
        with client.get_object("bronze", "mark") as answer:
            return answer.read().decode()

    return Kept(write, read)


def in_redis(endpoint: Mapping[str, Any], credentials: Mapping[str, Any]) -> Kept:
    def connect() -> redis.Redis:
        return redis.Redis(
            endpoint["host"],
            int(endpoint["port"]),
            username=credentials["username"],
            password=credentials["password"],
            decode_responses=True,
        )

    def write(text: str) -> None:
        with connect() as client:
            client.set("mark", text)

    def read() -> str:
        with connect() as client:
            return str(client.get("mark"))

    return Kept(write, read)


def in_nats(endpoint: Mapping[str, Any], credentials: Mapping[str, Any]) -> Kept:
    async def jetstream(text: str | None) -> str:
        client = await nats.connect(
            endpoint["url"],
            user=credentials["username"],
            password=credentials["password"],
            allow_reconnect=False,
            connect_timeout=10,
        )
        try:
            stream = client.jetstream()
            if text is not None:
                await stream.publish("events.mark", text.encode())
            message = await stream.get_last_msg("EVENTS", "events.mark")
            return (message.data or b"").decode()
        finally:
            await client.close()

    return Kept(
        write=lambda text: _ignore(asyncio.run(jetstream(text))), read=lambda: asyncio.run(jetstream(None))
    )


def _ignore(_: object) -> None:
    return None


MARKS: Mapping[str, Mark] = {
    "postgres": in_postgres,
    "object_store": in_object_store,
    "redis": in_redis,
    "nats": in_nats,
}


def marks(stack: Stack, *components: str) -> dict[str, Kept]:
    """Return, for each component, how to write a text to its server and read it, by the stack's present
    outputs."""
    outputs = stack.outputs()
    return {
        name: MARKS[name](outputs["endpoints"][name], outputs["credentials"][name]) for name in components
    }
