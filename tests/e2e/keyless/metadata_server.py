"""A stand-in for Google's metadata server, which gives a pod with Workload Identity the tokens of its
account."""

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_ACCOUNT = "engines@project.iam.gserviceaccount.com"
_BELOW = "/computeMetadata/v1"


@dataclass
class MetadataServer:
    """The running server. `asked` counts the tokens that it handed out."""

    port: int = 0
    asked: int = 0
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variable that names this server instead of metadata.google.internal, which only Google's
        machines resolve."""
        return {"GCE_METADATA_HOST": f"127.0.0.1:{self.port}"}

    def answer(self, path: str) -> str | None:
        """Return the answer to a request of Google's clients, or None for a path that they can do without."""
        account = f"{_BELOW}/instance/service-accounts/default"
        if path == f"{account}/token":
            self.asked += 1
            return json.dumps({"access_token": self.token, "expires_in": 3599, "token_type": "Bearer"})
        known = {
            "/": "computeMetadata/",
            f"{account}/email": _ACCOUNT,
            f"{account}/": json.dumps({"email": _ACCOUNT, "scopes": [], "aliases": ["default"]}),
            f"{_BELOW}/project/project-id": "project",
            f"{_BELOW}/universe/universe-domain": "googleapis.com",
        }
        return known.get(path)


@contextmanager
def running_metadata_server() -> Iterator[MetadataServer]:
    """Run a metadata server. A test runs one for each pod."""
    server = MetadataServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = server.answer(self.path.partition("?")[0])
            self.send_response(404 if found is None else 200)
            self.send_header("Metadata-Flavor", "Google")
            body = (found or "").encode()
            self.send_header("Content-Type", "application/json" if body[:1] == b"{" else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class' name
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.port = http.server_port
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
