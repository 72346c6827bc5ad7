"""A connection that speaks NATS' client protocol, made for reading fast.

Messages come out of `read` in lists, parsed in one loop: no task, future or queue for each. It does not
reconnect: who consumes must look at the stream anew after any interruption, so an end is an error.
"""

import contextlib
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from apps.projections.errors import ConnectionLostError, RefusedError

_CHUNK = 1 << 18
_END = b"\r\n"


class Message(msgspec.Struct, frozen=True, gc=False):
    """`status` is that of a message without data, such as 408 for a pull that ran out; 0 for others."""

    subject: bytes
    reply: bytes
    data: bytes
    status: int = 0
    headers: bytes = b""


@dataclass(frozen=True)
class Login:
    """Where NATS is and who asks. `tls` is None for a plain connection."""

    servers: Sequence[str]
    user: str = ""
    password: str = ""
    tls: ssl.SSLContext | None = None
    name: str = "projections"


class NatsConnection:
    """One thread reads; any may publish. Raises ConnectionLostError when the connection has ended."""

    def __init__(self, login: Login, timeout: float = 5.0) -> None:
        self._rest = b""
        self._backlog: list[Message] = []
        self._sending = threading.Lock()
        self._inbox = f"_INBOX.{uuid4().hex}".encode()
        self._requests = 0
        failures = []
        for server in login.servers:
            try:
                self._socket = self._connect(server, login, timeout)
                break
            except (OSError, ValueError, ConnectionLostError) as error:
                failures.append(f"{server}: {error}")
        else:
            raise ConnectionLostError(f"no NATS server can be reached: {'; '.join(failures)}")

    def _connect(self, server: str, login: Login, timeout: float) -> socket.socket:
        address = urlsplit(server)
        connection = socket.create_connection((address.hostname or server, address.port or 4222), timeout)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not _line(connection).startswith(b"INFO "):
                raise ConnectionLostError("this is not NATS")
            if login.tls is not None:
                connection = login.tls.wrap_socket(connection, server_hostname=address.hostname)
            options = {
                "verbose": False,
                "pedantic": False,
                "name": login.name,
                "lang": "python",
                "version": "1",
                "protocol": 1,
                "headers": True,
                "no_responders": True,
                "tls_required": login.tls is not None,
            }
            if login.user:
                options |= {"user": login.user, "pass": login.password}
            hello = f"CONNECT {json.dumps(options)}\r\nSUB {self._inbox.decode()}.* 1\r\nPING\r\n"
            connection.sendall(hello.encode())
            while (line := _line(connection)) != b"PONG":
                if line.startswith(b"-ERR"):
                    raise ConnectionLostError(f"NATS refused the login: {line[5:].decode(errors='replace')}")
        except BaseException:
            connection.close()
            raise
        connection.settimeout(None)
        return connection

    def close(self) -> None:
        """Also ends a `read` that waits in another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def send(self, data: bytes) -> None:
        try:
            with self._sending:
                self._socket.sendall(data)
        except OSError as error:
            raise ConnectionLostError(f"the connection to NATS ended: {error}") from error

    def publish(self, subject: bytes, data: bytes, reply: bytes = b"") -> None:
        self.send(b"PUB %b %b %d\r\n%b\r\n" % (subject, reply, len(data), data))

    def subscribe(self, subject: bytes, sid: int) -> None:
        self.send(b"SUB %b %d\r\n" % (subject, sid))

    def request(self, subject: str, data: bytes, timeout: float = 5.0) -> bytes:
        """The reply to a request, made by the thread that reads. Raises RefusedError without a responder."""
        self._requests += 1
        reply = b"%b.%d" % (self._inbox, self._requests)
        self.publish(subject.encode(), data, reply)
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            for message in self._receive(left):
                if message.subject != reply:
                    self._backlog.append(message)
                elif message.status:
                    raise RefusedError(f"nobody answers {subject} ({message.status})", message.status)
                else:
                    return message.data
        raise ConnectionLostError(f"NATS did not answer {subject} within {timeout:g} seconds")

    def read(self, timeout: float) -> list[Message]:
        """What has arrived; empty when nothing does within `timeout` seconds."""
        if self._backlog:
            found, self._backlog = self._backlog, []
            return found
        return self._receive(timeout)

    def _receive(self, timeout: float) -> list[Message]:
        try:
            chunk = self._chunk(timeout)
        except (OSError, ValueError) as error:
            raise ConnectionLostError(f"the connection to NATS ended: {error}") from error
        if chunk is None:
            return []
        if not chunk:
            raise ConnectionLostError("NATS closed the connection")
        messages, self._rest, pings = parse(self._rest + chunk if self._rest else chunk)
        for _ in range(pings):
            self.send(b"PONG\r\n")
        return messages

    def _chunk(self, timeout: float) -> bytes | None:
        """What has come, None when nothing does in time."""
        if isinstance(self._socket, ssl.SSLSocket):
            pending = self._socket.pending() > 0
        else:
            # Under load something has come already: one call instead of two, each a turn of the lock.
            with contextlib.suppress(BlockingIOError):
                return self._socket.recv(_CHUNK, socket.MSG_DONTWAIT)
            pending = False
        if not pending and not select.select([self._socket], [], [], timeout)[0]:
            return None
        return self._socket.recv(_CHUNK)


def parse(data: bytes) -> tuple[list[Message], bytes, int]:
    """The whole messages in `data`, the rest, and how many pings there were. Raises ConnectionLostError for
    what ends the connection: an error of the server's, or what is no NATS."""
    messages: list[Message] = []
    position, pings, length = 0, 0, len(data)
    find, append = data.find, messages.append
    while (end := find(_END, position)) >= 0:
        words = data[position:end].split(b" ")
        verb = words[0]
        if verb == b"MSG":
            start = end + 2
            stop = start + int(words[-1])
            if stop + 2 > length:
                break
            append(Message(words[1], words[3] if len(words) == 5 else b"", data[start:stop]))
            position = stop + 2
        elif verb == b"HMSG":
            start = end + 2
            stop = start + int(words[-1])
            if stop + 2 > length:
                break
            body = start + int(words[-2])
            headers = data[start:body]
            reply = words[3] if len(words) == 6 else b""
            append(Message(words[1], reply, data[body:stop], _status(headers), headers))
            position = stop + 2
        elif verb == b"PING":
            pings += 1
            position = end + 2
        elif verb in (b"PONG", b"+OK", b"INFO"):
            position = end + 2
        else:
            raise ConnectionLostError(f"NATS says {data[position:end][:200].decode(errors='replace')}")
    return messages, data[position:], pings


def _status(headers: bytes) -> int:
    """Of `NATS/1.0 408 Request Timeout`; 0 when there is none."""
    number = headers[9:12]
    return int(number) if number.isdigit() else 0


def header(headers: bytes, name: bytes) -> bytes:
    """The value of the header `name`, empty when there is none."""
    for line in headers.split(_END)[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name.lower():
            return value.strip()
    return b""


def _line(connection: socket.socket) -> bytes:
    """One line, read byte by byte: what follows belongs to the loop, or to TLS."""
    line = b""
    while not line.endswith(_END):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionLostError(f"the connection ended after {line[:100]!r}")
        line += byte
    return line[:-2]
