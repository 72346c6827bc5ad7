"""A stand-in for the agent that hands a pod its role's credentials (EKS Pod Identity): the same protocol,
on a loopback port instead of 169.254.170.23. Whoever asks must show the token that its pod was given."""

import json
import secrets
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Agent:
    """`asked` counts the credentials handed out, by the pod that asked."""

    port: int
    token: Path
    asked: Counter[str] = field(default_factory=Counter)

    def environment(self, pod: str) -> Mapping[str, str]:
        """What the cluster puts into the pod's environment; the rest keeps a client from asking others."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.port}/{pod}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(self.token),
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def running_agent(credentials: Mapping[str, str], directory: Path) -> Iterator[Agent]:
    """An agent that hands out `credentials`, as the protocol names them."""
    shown = secrets.token_hex(16)
    token = directory / "pod-token"
    token.write_text(shown)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != shown:
                self.send_error(401)
                return
            agent.asked[self.path.strip("/")] += 1
            body = json.dumps(dict(credentials)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class' name
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        agent = Agent(server.server_port, token)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield agent
        finally:
            server.shutdown()
            thread.join()
