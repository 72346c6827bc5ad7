"""NATS: JetStream streams."""

import asyncio
import ssl
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import AuthorizationError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from apps.provisioner.changes import Changes
from apps.provisioner.errors import LoginError, ProvisionError, one_line
from apps.provisioner.specs import NatsSpec, Stream
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server


def converge(spec: NatsSpec, changes: Changes) -> None:
    """Streams. Raises ProvisionError."""
    with asyncio.Runner() as runner:
        client = _wait(spec, runner)
        try:
            runner.run(_converge(client.jetstream(), spec, changes))
        except (NatsError, OSError) as error:
            raise ProvisionError(f"NATS at {_address(spec)}: {one_line(error)}") from error
        finally:
            runner.run(client.close())


def _wait(spec: NatsSpec, runner: asyncio.Runner) -> Client:
    def refused(error: BaseException) -> bool:
        return isinstance(error, AuthorizationError) or "authorization violation" in str(error).lower()

    try:
        return wait_for_server(
            "NATS",
            _address(spec),
            lambda: runner.run(_connect(spec)),
            lambda error: isinstance(error, (NatsError, OSError)) and not refused(error),
            spec.wait_seconds,
        )
    except NatsError as error:
        raise LoginError(
            f"NATS at {_address(spec)} refused the login ({error}): check user and password"
        ) from error


async def _connect(spec: NatsSpec) -> Client:
    failures: list[Exception] = []

    async def on_error(error: Exception) -> None:
        failures.append(error)

    try:
        return await nats.connect(
            servers=list(spec.servers),
            user=spec.user,
            password=spec.password.get_secret_value() if spec.password else None,
            tls=ssl.create_default_context(cafile=spec.ca_file) if spec.ca_file else None,
            name="provisioner",
            connect_timeout=CONNECT_SECONDS,
            # The waiting is done around it: here each server is tried once more and no longer.
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            error_cb=on_error,
        )
    except NatsError as error:
        # The client raises a general error; the reason of the last attempt went to its callback.
        raise failures[-1] if failures else error from None


def _address(spec: NatsSpec) -> str:
    return ",".join(server.rpartition("@")[2].removeprefix("nats://") for server in spec.servers)


async def _converge(jetstream: JetStreamContext, spec: NatsSpec, changes: Changes) -> None:
    for stream in spec.streams:
        declared = _config(stream)
        try:
            present = (await jetstream.stream_info(stream.name)).config
        except NotFoundError:
            await _apply(jetstream.add_stream(StreamConfig(**declared)), stream)
            changes.add(f"created stream {stream.name}, subjects {', '.join(stream.subjects)}")
            continue
        differing = {key: value for key, value in declared.items() if getattr(present, key) != value}
        if differing:
            await _apply(jetstream.update_stream(present.evolve(**differing)), stream)
            changes.add(f"changed stream {stream.name}: {', '.join(sorted(differing))}")


def _config(stream: Stream) -> dict[str, Any]:
    return {
        "name": stream.name,
        "subjects": list(stream.subjects),
        "retention": RetentionPolicy(stream.retention),
        "storage": StorageType(stream.storage),
        "discard": DiscardPolicy(stream.discard),
        "num_replicas": stream.replicas,
        "max_bytes": stream.max_bytes,
        "max_age": stream.max_age_seconds,
        "max_msgs": stream.max_messages,
        "max_msg_size": stream.max_message_bytes,
        "duplicate_window": stream.duplicate_window_seconds,
    }


async def _apply(request: Any, stream: Stream) -> None:
    try:
        await request
    except APIError as error:
        raise ProvisionError(
            f"stream {stream.name} was refused: {error.description}: declare what the server can do, "
            "or another stream (its storage, for one, is fixed at creation)"
        ) from error
