"""A connection that speaks NATS' client protocol and reads fast.

`read` returns messages in lists that one loop has parsed, without a task, future or queue for each. The
connection does not reconnect: a consumer must look at the stream anew after any interruption, so its end is
an error.
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
    """A message from the server. `status` is set if it has no data, such as 408 for a pull that ran out; else
    0."""

    subject: bytes
    reply: bytes
    data: bytes
    status: int = 0
    headers: bytes = b""


@dataclass(frozen=True)
class Login:
    """The servers of NATS, tried in their order, and the user to log in as.

    `tls` is None for a plain connection. `name` is what the server lists the connection under.
    """

    servers: Sequence[str]
    user: str = ""
    password: str = ""
    tls: ssl.SSLContext | None = None
    name: str = "projections"


class NatsConnection:
    """A connection to the first server of `login` that answers within `timeout` seconds.

    One thread may read, and any may publish. Every method raises ConnectionLostError when the connection
    ended.
    """

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
                raise ConnectionLostError("the server that answers is not NATS")
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
        """Closes the connection. A `read` that waits in another thread then raises."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Sends bytes of the protocol."""
        try:
            with self._sending:
                self._socket.sendall(data)
        except OSError as error:
            raise ConnectionLostError(f"the connection to NATS ended: {error}") from error

    def publish(self, subject: bytes, data: bytes, reply: bytes = b"") -> None:
        """Publishes `data` on `subject`. An answer, if one is wanted, goes to the subject `reply`."""
        self.send(b"PUB %b %b %d\r\n%b\r\n" % (subject, reply, len(data), data))

    def subscribe(self, subject: bytes, sid: int) -> None:
        """Subscribes to `subject` under the number `sid`, which must be new to this connection and not 1."""
        self.send(b"SUB %b %d\r\n" % (subject, sid))

    def request(self, subject: str, data: bytes, timeout: float = 5.0) -> bytes:
        """Publishes a request and returns the data of its reply. Only the thread that reads may call it.

        Raises RefusedError if nobody answers `subject`, and ConnectionLostError after `timeout` seconds.
        """
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
        """Returns the messages that have arrived; an empty list if none does within `timeout` seconds."""
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
        """The bytes that have come; None if none do in time."""
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
    """Returns the whole messages in `data`, the bytes of an unfinished one behind them, and the number of
    pings.

    Raises ConnectionLostError if the server reports an error, or does not speak NATS' protocol.
    """
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
            said = data[position:end][:200].decode(errors="replace")
            raise ConnectionLostError(f"the server says {said}: the connection to NATS has ended")
    return messages, data[position:], pings


def _status(headers: bytes) -> int:
    """The status in headers that begin with a line such as `NATS/1.0 408 Request Timeout`; 0 if there is
    none."""
    number = headers[9:12]
    return int(number) if number.isdigit() else 0


def header(headers: bytes, name: bytes) -> bytes:
    """Returns the value of the header `name`; empty if there is none."""
    for line in headers.split(_END)[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name.lower():
            return value.strip()
    return b""


def _line(connection: socket.socket) -> bytes:
    """Reads one line, byte by byte: what follows it is for `read`, or for TLS."""
    line = b""
    while not line.endswith(_END):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionLostError(f"the connection ended after {line[:100]!r}")
        line += byte
    return line[:-2]
