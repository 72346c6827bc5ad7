"""Somebody who listens where Postgres should, and asks whoever comes to log in as it likes."""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer

_SSL_REQUEST = 80877103
_SECONDS = 5
ASK_FOR_PASSWORD = struct.pack("!cII", b"R", 8, 3)
LET_IN = struct.pack("!cII", b"R", 8, 0) + b"Z\x00\x00\x00\x05I"


@dataclass
class Heard:
    """The port, the number of logins that were tried, and everything that clients said after the start."""

    port: int
    logins: int = 0
    said: bytearray = field(default_factory=bytearray)


@contextmanager
def impostor(answer: bytes) -> Iterator[Heard]:
    heard = Heard(0)

    class Connection(StreamRequestHandler):
        timeout = _SECONDS

        def handle(self) -> None:
            while (start := self._start()) == _SSL_REQUEST:
                self.wfile.write(b"N")
            if start:
                heard.logins += 1
                self.wfile.write(answer)
                try:
                    while more := self.request.recv(65536):
                        heard.said += more
                except (TimeoutError, ConnectionError):
                    return

        def _start(self) -> int:
            """The code of a first message, 0 at the end."""
            head = self.rfile.read(8)
            if len(head) < 8:
                return 0
            length, code = struct.unpack("!II", head)
            self.rfile.read(length - 8)
            return int(code)

    with ThreadingTCPServer(("127.0.0.1", 0), Connection) as server:
        server.daemon_threads = True
        heard.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()
