"""The local plugin with Create requests that tests/e2e/gate.py holds: `held_plugin.py <checkout> <socket>
<engine address>`.

It runs the checkout's plugin unchanged; only its Create requests wait.
"""

import os
import socket
import sys
import threading
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGING = frozenset(
    {
        "os.chmod", "os.chown", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
        "socket.connect", "subprocess.Popen",
    }
)  # fmt: skip
"""Audit events of Python by which a Create changes the machine, or asks somebody to."""


class Waiting:
    """One Create request that reports to the test, and waits for the answer.

    The answer says before which further change the request stops again; 0 means never. The request continues
    when no test listens.
    """

    def __init__(self, gate: str, urn: str) -> None:
        self._urn = urn
        self._left = 0
        self._connection: socket.socket | None = None
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(gate)
            self._connection = connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()

    def at(self, point: str) -> None:
        if self._connection is None:
            return
        try:
            self._connection.sendall(f"{point} {self._urn}\n".encode())
            self._left = int(self._connection.recv(16) or 0)
        except (BrokenPipeError, ConnectionResetError):
            self.close()

    def changes(self) -> None:
        """Note that the request is about to change the machine."""
        self._left -= 1
        if self._left == 0:
            self.at("inside")

    def done(self) -> None:
        """Report that the request is done. A stop that was asked for and not reached is reported first."""
        if self._left > 0:
            self.at("inside")
        self.at("after")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def main() -> None:
    _, root, gate, *arguments = sys.argv
    sys.argv[1:] = arguments
    sys.path[0] = root
    from providers.local.plugin import __main__ as plugin
    from providers.local.plugin import grpc_server
    from providers.local.plugin.resource_provider import ResourceProvider

    at_work = threading.local()

    def notice(event: str, arguments: tuple[Any, ...]) -> None:
        if (waiting := getattr(at_work, "waiting", None)) is not None and _changes(event, arguments):
            waiting.changes()

    class Held(ResourceProvider):
        def Create(self, request: Any, context: Any) -> Any:
            if request.preview:
                return super().Create(request, context)
            waiting = Waiting(gate, request.urn)
            try:
                waiting.at("before")
                at_work.waiting = waiting
                try:
                    response = super().Create(request, context)
                finally:
                    at_work.waiting = None
                waiting.done()
            finally:
                waiting.close()
            return response

    sys.addaudithook(notice)
    vars(grpc_server)["ResourceProvider"] = Held  # `start_grpc_server` makes one of these
    plugin.main()


def _changes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        path, _, flags = arguments
        return bool(flags & _WRITING) and "__pycache__" not in str(path)
    return event in _CHANGING


if __name__ == "__main__":
    main()
