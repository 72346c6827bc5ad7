"""A listener that ends TLS before a server which has none, as a site's own proxy does."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

from tests.testbed.certificates import Pair

_LOOPBACK = "127.0.0.1"
_CHUNK = 65536
_HANDSHAKE_SECONDS = 10


class _Server(ThreadingTCPServer):
    allow_reuse_address = True


@contextmanager
def tls_front(
    backend: int, pair: Pair, clients_of: Path | None = None, address: str = _LOOPBACK
) -> Iterator[int]:
    """The port of a listener on `address` with the certificate of `pair`, before the one on port `backend`.
    Where `clients_of` is given, it refuses clients without a certificate by that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_of)

    class Connection(BaseRequestHandler):
        request: socket.socket

        def handle(self) -> None:
            self.request.settimeout(_HANDSHAKE_SECONDS)
            with context.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False) as secure:
                try:
                    secure.do_handshake()
                except ssl.SSLError:
                    _wait_for_the_end(secure)
                    return
                with socket.create_connection((_LOOPBACK, backend)) as plain:
                    _relay(secure, plain)

    with _Server((address, 0), Connection) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _wait_for_the_end(refused: ssl.SSLSocket) -> None:
    """Closed earlier, with bytes unread, it would reset the connection, and the alert could be lost."""
    with socket.socket(fileno=refused.detach()) as plain:
        try:
            while plain.recv(_CHUNK):
                pass
        except OSError:
            return


def _relay(secure: ssl.SSLSocket, plain: socket.socket) -> None:
    """Until either ends."""
    while True:
        # Decrypted bytes wait in the socket's own buffer, where select does not see them.
        ready = [secure] if secure.pending() else select.select([secure, plain], [], [])[0]
        for source in ready:
            data = source.recv(_CHUNK)
            if not data:
                return
            (plain if source is secure else secure).sendall(data)
