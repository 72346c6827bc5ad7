"""Holds each Create request of a stack's plugin until the test lets it continue, so that the test decides
where the engine is."""

import select
import shlex
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.e2e.stack import EngineRun, Stack, short_name

_PLUGIN = Path(__file__).with_name("held_plugin.py")


@dataclass(frozen=True)
class HeldCreate:
    """A Create request that is held.

    `name` is the resource as `Type::name`. `point` is `before` (nothing was done), `inside` (between two
    changes of the machine) or `after` (everything was done, and the response was not sent).
    """

    name: str
    point: str
    connection: socket.socket

    def go(self, stop: int = 0) -> None:
        """Let the request continue. With `stop` it is held again `inside`, before its change of that
        number."""
        self.connection.sendall(f"{stop}\n".encode())


class Gate:
    """Holds the Create requests of the stack's plugin while the context is entered. The stack's checkout must
    be a copy."""

    def __init__(self, stack: Stack) -> None:
        self._path = stack.tmp / "gate"
        self._executable = (
            stack.checkout.root / "providers" / "local" / "plugin" / "pulumi-resource-nebula-local"
        )
        self._original = self._executable.read_text()
        self._words = (sys.executable, "-u", _PLUGIN, stack.checkout.root, self._path)
        self._connections: list[socket.socket] = []

    def __enter__(self) -> "Gate":
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        command = shlex.join(map(str, self._words))
        self._executable.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executable.write_text(self._original)
        self._path.unlink()
        self._listener.close()
        self.let_go()

    def next(self, run: EngineRun) -> HeldCreate | None:
        """Wait for the next Create request that is held, and return it. Returns None when the run has ended
        without one."""
        while True:
            ended = run.process.poll() is not None
            ready, _, _ = select.select([self._listener, *self._connections], [], [], 0.05)
            for source in ready:
                if source is self._listener:
                    self._connections.append(self._listener.accept()[0])
                elif said := source.recv(4096):  # it says no more until it is answered
                    point, _, urn = said.decode().strip().partition(" ")
                    return HeldCreate(short_name(urn), point, source)
                else:
                    self._drop(source)
            if ended and not ready:
                return None

    def let_go(self) -> None:
        """Let all requests that are held now continue, without holding them again."""
        for connection in list(self._connections):
            self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        self._connections.remove(connection)
        connection.close()
