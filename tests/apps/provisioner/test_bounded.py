"""What a server of somebody else's may answer has an end, in size and in time."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from apps.provisioner.bounded import MOST_BYTES, EndlessError, within
from tests.apps.provisioner.conftest import Provision

_CHUNK = b"x" * 2**16


class _Server(BaseHTTPRequestHandler):
    """Answers with a discovery document, with more than anybody wants, or with nesting below `/deep`."""

    logins: list[str | None]

    def do_GET(self) -> None:
        self.logins.append(self.headers["Authorization"])
        self.send_response(200)
        self.end_headers()
        try:
            if self.path.startswith("/endless"):
                for _ in range(16 * MOST_BYTES // len(_CHUNK)):
                    self.wfile.write(_CHUNK)
            elif self.path.startswith("/deep"):
                self.wfile.write(b"[" * 20_000)
            elif self.path.startswith("/other"):
                self.wfile.write(json.dumps({"issuer": "y" * 2**20}).encode())
            else:
                port = self.connection.getsockname()[1]
                self.wfile.write(json.dumps({"issuer": f"http://127.0.0.1:{port}/realm"}).encode())
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client had enough

    def log_request(self, *_: Any) -> None:
        """Nothing is logged."""


@pytest.fixture
def server() -> Iterator[str]:
    _Server.logins = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _issuer(url: str) -> dict[str, Any]:
    given = {"kind": "oidc", "key": "external.oidc", "issuer": url}
    return {"service": "check", "wait_seconds": 2, "endpoints": [given]}


def test_an_issuer_that_answers_without_end_is_refused(server: str, provision: Provision) -> None:
    run = provision(_issuer(f"{server}/endless"))
    assert run.code == 1
    assert "external.oidc: " in run.stderr
    assert "answered with more than 4 MiB" in run.stderr


def test_a_document_that_is_nested_too_deeply_is_none(server: str, provision: Provision) -> None:
    run = provision(_issuer(f"{server}/deep"))
    assert run.code == 1
    assert "without a discovery document" in run.stderr


def test_what_an_issuer_calls_itself_is_shown_in_part(server: str, provision: Provision) -> None:
    run = provision(_issuer(f"{server}/other"))
    assert run.code == 1
    assert "write exactly that" in run.stderr
    assert len(run.stderr) < 2000


def test_no_password_of_the_one_who_runs_it_is_sent(
    server: str, provision: Provision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    descriptor = os.open(netrc, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("machine 127.0.0.1 login somebody password of-theirs\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert provision(_issuer(f"{server}/realm")).code == 0
    assert _Server.logins == [None]


def test_a_store_that_answers_without_end_is_refused(server: str, provision: Provision) -> None:
    store = {
        "kind": "object_store",
        "key": "external.object_store",
        "endpoint": server.removeprefix("http://"),
        "access_key": "key",
        "secret_key": "given-secret-key",
        "buckets": ["endless"],
    }
    run = provision({"service": "check", "wait_seconds": 2, "endpoints": [store]})
    assert run.code == 1
    assert "answered with more than 4 MiB" in run.stderr


def test_what_takes_too_long_is_given_up() -> None:
    ended = threading.Event()
    with pytest.raises(EndlessError, match=r"it gave no whole answer within 0\.05 s"):
        within(0.05, "it", lambda: ended.wait(60))
    ended.set()


def test_what_ends_in_time_is_returned_or_raised() -> None:
    assert within(60, "it", lambda: 7) == 7

    def fail() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        within(60, "it", fail)
