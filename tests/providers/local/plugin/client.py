"""A small engine, which drives the plugin over gRPC as Pulumi's engine does, and keeps the state of
resources."""

import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from providers.local.plugin.properties import Properties, from_struct, to_struct

EXECUTABLE = Path(__file__).parents[4] / "providers/local/plugin/pulumi-resource-nebula-local"


class EngineLog(engine_pb2_grpc.EngineServicer):
    """Records the plugin's messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: Any, context: Any) -> Any:
        self.messages.append(request.message)
        return empty_pb2.Empty()


@dataclass
class Plugin:
    """A running plugin process, and the engine that it is connected to."""

    process: subprocess.Popen[str]
    stub: Any
    log: EngineLog
    server: Any
    channel: Any

    @classmethod
    def start(cls, environment: Mapping[str, str]) -> "Plugin":
        log = EngineLog()
        server = grpc.server(futures.ThreadPoolExecutor(8))
        engine_pb2_grpc.add_EngineServicer_to_server(log, server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        process = subprocess.Popen(
            [EXECUTABLE, address],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(environment),
            start_new_session=True,
        )
        assert process.stdout is not None
        channel = grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}")
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address=address))
        return cls(process, stub, log, server, channel)

    def cancel(self) -> None:
        self.stub.Cancel(empty_pb2.Empty())

    def stop(self) -> None:
        self.channel.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)
        if self.process.stdout:
            self.process.stdout.close()
        self.server.stop(0).wait()


@dataclass
class Tracked:
    """A resource as the engine knows it: its inputs, its state and its id."""

    plugin: Plugin
    kind: str
    inputs: Properties
    state: Properties = field(default_factory=dict)
    id: str = ""

    @property
    def urn(self) -> str:
        name = self.inputs.get("name", "x")
        return f"urn:pulumi:test::nebula::nebula:components:X$nebula-local:index:{self.kind}::{name}"

    def check(self) -> list[str]:
        request = provider_pb2.CheckRequest(urn=self.urn, news=to_struct(self.inputs))
        return [failure.reason for failure in self.plugin.stub.Check(request).failures]

    def create(self) -> Properties:
        request = provider_pb2.CreateRequest(urn=self.urn, properties=to_struct(self.inputs))
        response = self.plugin.stub.Create(request)
        self.id, self.state = response.id, from_struct(response.properties)
        return self.state

    def preview(self, **changed: Any) -> Properties:
        news = to_struct({**self.inputs, **changed})
        if not self.id:
            request = provider_pb2.CreateRequest(urn=self.urn, properties=news, preview=True)
            return from_struct(self.plugin.stub.Create(request).properties)
        return from_struct(self.plugin.stub.Update(self._update(news, preview=True)).properties)

    def diff(self, **changed: Any) -> list[str]:
        """Return the paths of the properties that differ, with `!` after those that need a new resource."""
        response = self.plugin.stub.Diff(
            provider_pb2.DiffRequest(
                id=self.id,
                urn=self.urn,
                olds=to_struct(self.state),
                old_inputs=to_struct(self.inputs),
                news=to_struct({**self.inputs, **changed}),
            )
        )
        return sorted(f"{path}!" if path in response.replaces else path for path in response.detailedDiff)

    def update(self, **changed: Any) -> Properties:
        news = {**self.inputs, **changed}
        response = self.plugin.stub.Update(self._update(to_struct(news), preview=False))
        self.inputs, self.state = news, from_struct(response.properties)
        return self.state

    def _update(self, news: Any, *, preview: bool) -> Any:
        return provider_pb2.UpdateRequest(
            id=self.id,
            urn=self.urn,
            olds=to_struct(self.state),
            old_inputs=to_struct(self.inputs),
            news=news,
            preview=preview,
        )

    def read(self) -> Properties | None:
        request = provider_pb2.ReadRequest(
            id=self.id, urn=self.urn, properties=to_struct(self.state), inputs=to_struct(self.inputs)
        )
        response = self.plugin.stub.Read(request)
        return from_struct(response.properties) if response.id else None

    def delete(self) -> None:
        request = provider_pb2.DeleteRequest(id=self.id, urn=self.urn, properties=to_struct(self.state))
        self.plugin.stub.Delete(request)


def failure(error: grpc.RpcError) -> str:
    """Return the error's message, which the user sees."""
    details: str = error.details()
    return details


def in_background(operation: Any) -> "queue.Queue[str]":
    """Run `operation` in a thread. Its outcome, "done" or the error's message, is put into the queue."""
    outcome: queue.Queue[str] = queue.Queue()

    def run() -> None:
        try:
            operation()
            outcome.put("done")
        except grpc.RpcError as error:
            outcome.put(failure(error))

    threading.Thread(target=run, daemon=True).start()
    return outcome


def until(condition: Callable[[], bool]) -> None:
    """Wait for up to 60 s until `condition` returns true."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited 60 s"
        time.sleep(0.02)
