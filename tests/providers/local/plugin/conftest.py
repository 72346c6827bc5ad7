"""The fixtures of the plugin's tests: a stack directory, plugin processes, and a small HTTP server."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from providers.local.plugin import os_processes, stack_removal
from providers.local.plugin.ownership import CHECKOUT, Owner
from providers.local.plugin.properties import Properties
from tests.providers.local.plugin.client import Plugin, Tracked

SERVER = """
import http.server, os, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass
print("serving", flush=True)
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""

COUNTING = """
import json, os, pathlib
count = pathlib.Path(os.environ["COUNT"])
count.write_text(count.read_text() + "x" if count.exists() else "x")
print("counted", flush=True)
json.dump({"runs": len(count.read_text())}, open(os.environ["NEBULA_RESULT"], "w"))
"""


OWNER = Owner(str(CHECKOUT), "test")
"""The stack that the URNs of the tests' resources name (tests/providers/local/plugin/client.py)."""


@pytest.fixture
def directory() -> Iterator[Path]:
    """Provide the path of a stack directory that an unprivileged server can reach. It is removed after the
    test."""
    base = Path(tempfile.mkdtemp(prefix="nebula-test-"))
    base.chmod(0o711)
    root = base / "stack"
    yield root
    stack_removal.remove_stack_without_state(root, OWNER, keep=False)
    left = os_processes.marked_processes(root)
    os_processes.end_processes(left, grace=0)
    shutil.rmtree(base)
    assert not left


@pytest.fixture
def start_plugin() -> Iterator[Callable[[], Plugin]]:
    started: list[Plugin] = []

    def start(**environment: str) -> Plugin:
        started.append(Plugin.start({**os.environ, "NEBULA_PYTHON": sys.executable, **environment}))
        return started[-1]

    yield start
    for plugin in started:
        plugin.stop()


@pytest.fixture
def plugin(directory: Path, start_plugin: Callable[[], Plugin]) -> Plugin:
    return start_plugin()


@pytest.fixture
def host_inputs(directory: Path) -> Properties:
    return {
        "directory": str(directory),
        "ports": {},
        "keepData": False,
    }


@pytest.fixture
def host_resource(plugin: Plugin, host_inputs: Properties) -> Tracked:
    resource = Tracked(plugin, "Host", host_inputs)
    resource.create()
    return resource


@pytest.fixture
def server_script(directory: Path) -> Path:
    script = directory.parent / "server.py"
    script.write_text(SERVER)
    script.chmod(0o755)
    return script


@pytest.fixture
def server_inputs(directory: Path, server_script: Path) -> Callable[..., Properties]:
    """Return a function that makes the inputs of a Process, an HTTP server on a free port."""

    def inputs(name: str = "web", **changed: Any) -> Properties:
        return {
            "name": name,
            "directory": str(directory),
            "homes": {"home": str(server_script.parent)},
            "command": [sys.executable, "-I", "-S", "{home}/server.py", "{bind}", "{port.http}"],
            "env": {"COLOUR": "blue"},
            "secretEnv": {},
            "files": {"etc/app.conf": "port={port.http}\n"},
            "secretFiles": {},
            "ports": {"http": free_port()},
            "bind": "127.0.0.1",
            "hasVolume": False,
            "prepare": [],
            "readiness": {"kind": "http", "port": "http", "path": "/", "status": 200, "deadline": 30},
            "unprivileged": False,
            "stopSignal": "TERM",
            "stopSeconds": 2,
            "memory": 64,
            "software": "web",
            "version": "1.0",
            **changed,
        }

    return inputs


@pytest.fixture
def task_inputs(directory: Path, tmp_path: Path) -> Callable[..., Properties]:
    def inputs(code: str = COUNTING, **changed: Any) -> Properties:
        return {
            "name": "job",
            "directory": str(directory),
            "homes": {},
            "command": [sys.executable, "-c", code],
            "env": {"COUNT": str(tmp_path / "count")},
            "secretEnv": {},
            "files": {},
            "secretFiles": {},
            "ports": {},
            "bind": "127.0.0.1",
            "triggers": {"volume": "one"},
            "timeout": 60,
            "software": "job",
            "version": "1.0",
            **changed,
        }

    return inputs


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
