"""The plugin's connection to the Pulumi engine: messages to the user, and cancellation."""

import logging
import threading
import time
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from providers.local.plugin.errors import CancelledError

_log = logging.getLogger(__name__)


class EngineClient:
    """Sends messages for the user to the engine, and tells waiting operations that the engine cancelled.

    Without an address, as when a stack is removed without an engine, messages are dropped.
    """

    def __init__(self, address: str = "") -> None:
        self.address = address
        self._cancelled = threading.Event()
        self._stub: Any = None
        self._shown_at: dict[str, float] = {}
        if address:
            self.connect(address)

    def connect(self, address: str) -> None:
        """Send messages to the engine at `address` (`host:port`) from now on."""
        self.address = address
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def warn(self, urn: str, message: str) -> None:
        """Show the user a warning about the resource `urn`."""
        self._send(urn, message, engine_pb2.WARNING, ephemeral=False)

    def show_status(self, urn: str, message: str, every: float = 1.0) -> None:
        """Show `message` beside the resource `urn` until another one replaces it. Messages that follow within
        `every` seconds are dropped."""
        now = time.monotonic()
        if now - self._shown_at.get(urn, -every) >= every:
            self._shown_at[urn] = now
            self._send(urn, message, engine_pb2.INFO, ephemeral=True)

    def _send(self, urn: str, message: str, severity: Any, *, ephemeral: bool) -> None:
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(severity=severity, urn=urn, message=message, ephemeral=ephemeral)
        try:
            self._stub.Log(request, timeout=5)
        except grpc.RpcError as error:
            # A message that cannot be shown must not fail the operation that it describes.
            _log.debug("engine did not take a message: %s", error)

    def show_progress(self, urn: str, message: str) -> None:
        """Show `message` as `show_status` does, and raise CancelledError when the engine has cancelled. It is
        for work that never calls `wait`."""
        self.wait(0, message)
        self.show_status(urn, message)

    def cancel(self) -> None:
        """End every `wait` with CancelledError, now and in the future."""
        self._cancelled.set()

    def wait(self, seconds: float, what: str) -> None:
        """Wait for `seconds`. Raises CancelledError as soon as the engine cancels.

        `what` names the operation in the error: "waiting for trino".
        """
        if self._cancelled.wait(seconds):
            raise CancelledError(what)
