"""The HTTP server: how answers are sent, how long that may take, and how many connections there may be."""

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_log = logging.getLogger("apps.projections.http_server")
_PIECE = 1 << 16


class SendTimeout:
    """Middleware that disconnects a client which does not read its answer within `seconds`.

    It sends an answer in pieces, each after the client has taken the one before. So an answer has been read,
    but for one piece, when the last `send` returns.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        deadline: float | None = None

        async def in_pieces(message: Message) -> None:
            nonlocal deadline
            if deadline is None:
                deadline = asyncio.get_running_loop().time() + self._seconds
            try:
                async with asyncio.timeout_at(deadline):
                    for piece in _pieces(message):
                        await send(piece)
            except TimeoutError:
                _log.warning(
                    "a client did not read its answer within %g seconds and was disconnected",
                    self._seconds,
                )
                scope["state"]["abort"]()
                # The server sees the end of the connection then, and not an answer without an end.
                await asyncio.sleep(0)

        await self._app(scope, receive, in_pieces)


def _pieces(message: Message) -> Iterator[Message]:
    """Splits a message. The pieces are copies, so that what is still to be sent does not keep the whole in
    memory."""
    body = message.get("body", b"")
    if len(body) <= _PIECE:
        yield message
        return
    for at in range(0, len(body), _PIECE):
        more = message.get("more_body", False) or at + _PIECE < len(body)
        yield {**message, "body": body[at : at + _PIECE], "more_body": more}


class _Connection(H11Protocol):
    """A connection that an answer can end at once. It closes another one if there are more than `most`.

    uvicorn's own bound (limit_concurrency) would refuse new requests instead, those of probes too, whose
    failure ends the service.
    """

    most: int

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.opened = self.loop.time()
        # The kernel would keep some MiB for each reader who does not read.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIECE)
        # What the requests of this connection have in their scope.
        self.app_state = {**self.app_state, "abort": self.end}
        others = [each for each in self.connections if isinstance(each, _Connection) and each is not self]
        if len(others) >= self.most:
            min(others, key=lambda each: (each.is_asking, each.opened)).end()

    @property
    def is_asking(self) -> bool:
        """True while a request of this connection is not answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def end(self) -> None:
        """Closes the connection at once, without what is still to be sent."""
        self.connections.discard(self)
        linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


def server_config(app: ASGIApp, host: str, port: int, connections: int, **more: Any) -> uvicorn.Config:
    """Returns the configuration of the server of `app`; `more` is as in uvicorn.Config.

    It has at most `connections` open. For a new one beyond that, the oldest without a request is closed, or
    the oldest of all.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        # h11 bounds how long a URL and its headers may be.
        http=type("Connection", (_Connection,), {"most": connections}),
        ws="none",
        lifespan="off",
        **more,
    )
