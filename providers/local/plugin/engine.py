"""The engine that runs the plugin: what is reported to it, and its wish to stop."""

import logging
import threading
import time
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from providers.local.plugin.errors import CancelledError

_log = logging.getLogger(__name__)


class Engine:
    """Where messages for the user go. Without an address (removal from a directory alone) they are
    dropped."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        self._cancelled = threading.Event()
        self._stub: Any = None
        self._spoken: dict[str, float] = {}
        if address:
            self.connect(address)

    def connect(self, address: str) -> None:
        self.address = address
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def warn(self, urn: str, message: str) -> None:
        self._send(urn, message, engine_pb2.WARNING, ephemeral=False)

    def status(self, urn: str, message: str, every: float = 1.0) -> None:
        """Show `message` beside the resource, at most once in `every` seconds; it is not kept."""
        now = time.monotonic()
        if now - self._spoken.get(urn, -every) >= every:
            self._spoken[urn] = now
            self._send(urn, message, engine_pb2.INFO, ephemeral=True)

    def _send(self, urn: str, message: str, severity: Any, *, ephemeral: bool) -> None:
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(severity=severity, urn=urn, message=message, ephemeral=ephemeral)
        try:
            self._stub.Log(request, timeout=5)
        except grpc.RpcError as error:
            # A message that cannot be shown must not fail the operation it tells about.
            _log.debug("engine did not take a message: %s", error)

    def progress(self, urn: str, message: str) -> None:
        """`status` for work that cannot wait by `pause`: raises CancelledError once cancelled."""
        self.pause(0, message)
        self.status(urn, message)

    def cancel(self) -> None:
        self._cancelled.set()

    def pause(self, seconds: float, what: str) -> None:
        """Wait `seconds` while doing `what`; raises CancelledError as soon as the engine cancels."""
        if self._cancelled.wait(seconds):
            raise CancelledError(what)
