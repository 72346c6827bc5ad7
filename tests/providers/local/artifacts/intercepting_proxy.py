"""A site's TLS-inspecting proxy: it wants a password, and answers for every host with certificates of
an authority of its own. What it answers comes from a folder, so that nothing leaves the machine."""

import base64
import datetime
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "clerk", "p@ss word"


@dataclass
class InterceptingProxy:
    """`authority` is the file of its certificate, `hosts` the hosts that it answered for, `refused` how
    often a client came without the password."""

    port: int
    authority: Path
    hosts: set[str] = field(default_factory=set)
    refused: int = 0

    @property
    def url(self) -> str:
        return f"http://{USER}:{PASSWORD.replace('@', '%40').replace(' ', '%20')}@127.0.0.1:{self.port}"


class _Authority:
    """Issues certificates as the proxy needs them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Inspection")])
        builder = self._builder(self._name, self._key.public_key())
        certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = certificate.add_extension(usage, critical=True)
        self.file = directory / "inspection.pem"
        self.file.write_bytes(
            certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )

    def context(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = self._builder(name, key.public_key()).add_extension(names, critical=False)
        pem = certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        file = self._directory / f"{host}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + pem
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )


@contextmanager
def intercepting_proxy(directory: Path, *roots: Path) -> Iterator[InterceptingProxy]:
    """Runs the proxy. A request is answered with the file below one of `roots` whose path is the end of
    its own: repositories have prefixes that differ from site to site."""
    authority = _Authority(directory)
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Tunnelled(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            found = _file(self.path, roots)
            content = found.read_bytes() if found else b""
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            if found and found.name == "index.html":
                self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            if self.headers.get("Proxy-Authorization") != expected:
                proxy.refused += 1
                self.send_response(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
                self.send_header("Proxy-Authenticate", 'Basic realm="inspection"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            host = self.path.rpartition(":")[0]
            proxy.hosts.add(host)
            self.send_response(HTTPStatus.OK)
            self.end_headers()
            self.close_connection = True
            try:
                with authority.context(host).wrap_socket(self.connection, server_side=True) as secured:
                    Tunnelled(secured, self.client_address, self.server)
            except (ssl.SSLError, ConnectionError):
                pass  # A client that does not trust the authority ends it so.

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy = InterceptingProxy(server.server_port, authority.file)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


def _file(path: str, roots: tuple[Path, ...]) -> Path | None:
    parts = PurePosixPath(path.partition("?")[0].lstrip("/")).parts
    for start in range(len(parts)):
        for root in roots:
            found = root.joinpath(*parts[start:])
            if found.is_dir():
                found /= "index.html"
            if ".." not in parts and found.is_file():
                return found
    return None
