"""A stand-in for a container registry on loopback: the part of the OCI distribution protocol that pulls begin
with."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

INDEX = b'{"manifests": []}'
DIGEST = f"sha256:{hashlib.sha256(INDEX).hexdigest()}"
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


@dataclass
class StandInRegistry:
    """A registry with the tag `team/app:1`, which it tells to clients that have fetched a token."""

    host: str = ""
    says_digest: bool = True
    digest: str = DIGEST
    challenge: str = (
        'Bearer realm="http://{host}/token?tenant=a",service="stand-in",scope="repository:{name}:pull"'
    )
    status: int = 200
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def app(self) -> str:
        """The name and tag of the image that it has."""
        return f"{self.host}/team/app:1"


@contextmanager
def stand_in_registry() -> Iterator[StandInRegistry]:
    """Serves a stand-in registry until the end of the block."""
    registry = StandInRegistry()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            url = urlsplit(self.path)
            registry.requests.append((self.command, url.path))
            if url.path == "/token":
                asked = parse_qs(url.query)
                assert asked == {
                    "tenant": ["a"], "service": ["stand-in"], "scope": ["repository:team/app:pull"],
                }  # fmt: skip
                self._send(200, b'{"token": "let-me-in"}', {})
            elif registry.status != 200:
                self._send(registry.status, b"", {})
            elif self.headers.get("Authorization") != "Bearer let-me-in":
                challenge = registry.challenge.format(host=registry.host, name="team/app")
                self._send(401, b"", {"WWW-Authenticate": challenge})
            elif url.path != "/v2/team/app/manifests/1":
                self._send(404, b"", {})
            else:
                assert _INDEX_TYPE in self.headers["Accept"]
                said = {"Docker-Content-Digest": registry.digest} if registry.says_digest else {}
                self._send(200, INDEX, said)

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
