"""A stand-in for the EKS Pod Identity agent, which hands a pod the credentials of its role.

It speaks the agent's protocol on a port of the loopback interface instead of 169.254.170.23. A client must
send the token of its pod.
"""

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
    """The running agent. `asked` counts the credentials that it handed out, by pod."""

    port: int
    token: Path
    asked: Counter[str] = field(default_factory=Counter)

    def environment(self, pod: str) -> Mapping[str, str]:
        """Return the environment variables that EKS sets in the pod, and those that keep clients from other
        sources of credentials."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.port}/{pod}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(self.token),
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def running_agent(credentials: Mapping[str, str], directory: Path) -> Iterator[Agent]:
    """Run an agent that hands out `credentials`, which have the protocol's keys. The pods' token is written
    to `directory`."""
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
