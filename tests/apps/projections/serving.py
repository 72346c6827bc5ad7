"""An app behind the service's own server, in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from apps.projections.http_server import server_config
from tests.apps.provisioner.servers import free_port
from tests.providers.local.plugin.client import until


@contextmanager
def served(app: ASGIApp, connections: int = 100) -> Iterator[str]:
    """Its URL."""
    port = free_port()
    config = server_config(app, "127.0.0.1", port, connections, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
