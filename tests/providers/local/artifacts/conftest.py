"""A loopback package index that real pip downloads from, and a package to download."""

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

PROJECT, VERSION = "gadget", "1.0"
WHEEL = f"{PROJECT}-{VERSION}-py3-none-any.whl"


def wheel(payload: bytes = b"#!/bin/sh\necho gadget\n") -> bytes:
    """A wheel with one program, `gadget/bin/gadget`, and one file beside it."""
    stream = io.BytesIO()
    info = f"{PROJECT}-{VERSION}.dist-info"
    with zipfile.ZipFile(stream, "w") as archive:
        program = zipfile.ZipInfo(f"{PROJECT}/bin/gadget", (2020, 1, 1, 0, 0, 0))
        program.external_attr = 0o100755 << 16
        archive.writestr(program, payload)
        archive.writestr(zipfile.ZipInfo(f"{PROJECT}/share/text", (2020, 1, 1, 0, 0, 0)), b"text")
        metadata = f"Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {VERSION}\n"
        archive.writestr(zipfile.ZipInfo(f"{info}/METADATA", (2020, 1, 1, 0, 0, 0)), metadata)
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(zipfile.ZipInfo(f"{info}/WHEEL", (2020, 1, 1, 0, 0, 0)), tags)
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", (2020, 1, 1, 0, 0, 0)), "")
    return stream.getvalue()


@dataclass
class Index:
    """What the index serves, and how: `send` writes the body of one download."""

    content: bytes = field(default_factory=wheel)
    send: Callable[[Any, bytes], None] = lambda stream, body: stream.write(body)
    downloads: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def part(self, content: bytes | None = None) -> dict[str, Any]:
        """A `pypi` part that is locked to `content` (what the index serves, unless told)."""
        locked = self.content if content is None else content
        digest = hashlib.sha256(locked).hexdigest()
        return {
            "kind": "pypi",
            "requirement": f"{PROJECT}=={VERSION}",
            "member": PROJECT,
            "into": ".",
            "files": [{"file": WHEEL, "sha256": digest, "size": len(locked)}],
        }


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """A package index on loopback; pip uses no other."""
    served = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/simple/"):
                body = f'<!doctype html><html><body><a href="/{WHEEL}">{WHEEL}</a></body></html>'.encode()
                self._head("text/html", len(body))
                self.wfile.write(body)
                return
            served.downloads += 1
            self._head("application/octet-stream", len(served.content))
            try:
                served.send(self.wfile, served.content)
                self.wfile.flush()
            except BrokenPipeError:
                self.close_connection = True  # The client was ended, which is what some tests are about.

        def _head(self, kind: str, length: int) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("NEBULA_RETRY_SECONDS", "0")
    yield served
    served.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """An empty software cache."""
    return tmp_path / "cache"
