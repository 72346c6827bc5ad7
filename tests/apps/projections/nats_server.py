"""A real NATS server that the tests may kill, freeze and start again on its files."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apps.projections.nats_connection import Login, Message, NatsConnection
from tests.apps.provisioner.servers import free_port, home


class NatsServer:
    def __init__(self, directory: Path) -> None:
        self._binary = home("nats") / "bin" / "nats-server"
        self._directory = directory
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    @property
    def files(self) -> Path:
        """Of its streams."""
        return self._directory / "js"

    @property
    def login(self) -> Login:
        return Login([self.url])

    def start(self) -> None:
        command = [
            self._binary,
            "-a",
            "127.0.0.1",
            "-p",
            str(self._port),
            "-js",
            "-sd",
            self.files,
        ]
        with (self._directory / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)

    def ask(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request to JetStream's API."""
        return _ask(self.login, subject, body)

    def add_stream(self, name: str, subjects: list[str], **more: Any) -> None:
        config = {"name": name, "subjects": subjects, "storage": "file", "retention": "limits", **more}
        answer = self.ask(f"STREAM.CREATE.{name}", config)
        assert "error" not in answer, answer

    def consumers(self, stream: str) -> list[str]:
        answer = self.ask(f"CONSUMER.NAMES.{stream}")
        return sorted(answer["consumers"] or [])

    def publish(self, events: Iterable[tuple[str, bytes]]) -> int:
        """Publish and wait for the last acknowledgement: its sequence."""
        return publish(self.login, events)

    def messages(self, stream: str, subject: str = ">") -> list[tuple[int, str, bytes]]:
        """Everything in the stream, one request each: slow, and sharing nothing with consumers."""
        connection = NatsConnection(self.login)
        found: list[tuple[int, str, bytes]] = []
        sequence = 0
        try:
            while True:
                body = json.dumps({"seq": sequence + 1, "next_by_subj": subject, "batch": 1000}).encode()
                got = _direct(connection, stream, body)
                if not got:
                    return found
                found += got
                sequence = found[-1][0]
        finally:
            connection.close()


def publish(login: Login, events: Iterable[tuple[str, bytes]]) -> int:
    """The sequence of the last; 0 when there is none."""
    connection = NatsConnection(login)
    try:
        last = 0
        batch: list[bytes] = []
        for subject, data in events:
            batch.append(b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(data), data))
            if len(batch) == 500:
                connection.send(b"".join(batch[:-1]))
                last = json.loads(connection.request(subject, data, 30))["seq"]
                batch = []
        if batch:
            connection.send(b"".join(batch[:-1]))
            last = json.loads(connection.request(subject, data, 30))["seq"]
        return last
    finally:
        connection.close()


@contextmanager
def stream_of(login: Login, name: str, subjects: Sequence[str]) -> Iterator[None]:
    """A stream on any server, deleted at the end."""
    config = {"name": name, "subjects": list(subjects), "storage": "file"}
    answer = _ask(login, f"STREAM.CREATE.{name}", config)
    assert "error" not in answer, answer
    try:
        yield
    finally:
        _ask(login, f"STREAM.DELETE.{name}")


def _ask(login: Login, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    connection = NatsConnection(login)
    try:
        data = b"" if body is None else json.dumps(body).encode()
        answer: dict[str, Any] = json.loads(connection.request(f"$JS.API.{subject}", data))
        return answer
    finally:
        connection.close()


def _direct(connection: NatsConnection, stream: str, body: bytes) -> list[tuple[int, str, bytes]]:
    inbox = b"_INBOX.direct.%d" % time.monotonic_ns()
    connection.subscribe(inbox, 7)
    connection.publish(f"$JS.API.DIRECT.GET.{stream}".encode(), body, inbox)
    found: list[tuple[int, str, bytes]] = []
    while True:
        for message in connection.read(10):
            if message.status:
                connection.send(b"UNSUB 7\r\n")
                return found
            found.append(_stored(message))


def _stored(message: Message) -> tuple[int, str, bytes]:
    headers = dict(line.split(b": ", 1) for line in message.headers.split(b"\r\n")[1:] if b": " in line)
    return int(headers[b"Nats-Sequence"]), headers[b"Nats-Subject"].decode(), message.data


@contextmanager
def nats_server(directory: Path) -> Iterator[NatsServer]:
    server = NatsServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.signal(signal.SIGCONT)
        server.kill()
