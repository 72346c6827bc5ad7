"""One run: a publisher, a worker and a server, the last two killed over and over; then the comparison."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.projections.errors import ProjectionError
from apps.projections.nats_connection import NatsConnection
from apps.projections.records import Checkpoint
from apps.projections.store import Store
from tests.apps.projections.chaos.plan import KILLS, Action, actions
from tests.apps.projections.chaos.publisher import Publisher
from tests.apps.projections.chaos.victim import STREAM, SUBJECTS, assignment, shard
from tests.apps.projections.ledger import fold
from tests.apps.projections.nats_server import NatsServer

_REPOSITORY = Path(__file__).resolve().parents[4]
_CATCH_UP_SECONDS = 180


@dataclass
class Outcome:
    """What was done, and what both sides came to."""

    seed: int
    kills: int = 0
    done: Counter[str] = field(default_factory=Counter)
    events: int = 0
    views: dict[bytes, bytes] = field(default_factory=dict)
    quarantined: list[int] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    messages: list[tuple[int, str, bytes]] = field(default_factory=list)

    def verify(self) -> None:
        """Raises AssertionError when an event was lost, applied twice, or out of order."""
        expected, poisoned = fold(self.messages)
        assert self.checkpoint is not None
        assert self.checkpoint.sequence == self.messages[-1][0], f"seed {self.seed}"
        assert self.checkpoint.events == len(self.messages), f"seed {self.seed}"
        assert self.quarantined == poisoned, f"seed {self.seed}"
        assert self.views == expected, f"seed {self.seed}"


class Run:
    def __init__(self, directory: Path, seed: int) -> None:
        self._directory = directory
        self._server = NatsServer(directory)
        self._shard = shard(self._server.login, directory / "views")
        self._assignment = assignment(self._shard)
        self._consumer = self._assignment.consumer.name
        self._worker: subprocess.Popen[bytes] | None = None
        self._outcome = Outcome(seed)

    def run(self, kills: int, say: Callable[[str], None] = print) -> Outcome:
        """Until `kills` processes were killed."""
        outcome = self._outcome
        self._server.start()
        try:
            self._server.add_stream(STREAM, SUBJECTS, allow_direct=True)
            publisher = Publisher(self._server, outcome.seed)
            publisher.start()
            try:
                self._start_worker({})
                for action in actions(outcome.seed):
                    if outcome.kills >= kills:
                        break
                    self._act(action)
                    if sum(outcome.done.values()) % 50 == 0:
                        say(f"{outcome.kills} kills, {publisher.attempted} events published")
            finally:
                publisher.finish()
            self._settle()
        finally:
            if self._worker is not None:
                self._worker.kill()
                self._worker.wait()
            self._server.signal(signal.SIGCONT)
            self._server.kill()
        outcome.events = len(outcome.messages)
        return outcome

    def _act(self, action: Action) -> None:
        time.sleep(action.after)
        self._outcome.done[action.kind] += 1
        self._outcome.kills += KILLS.get(action.kind, 0)
        for fault in action.life.keys() - {"batch"}:
            self._outcome.done[fault] += 1
        match action.kind:
            case "kill worker":
                self._end_worker(signal.SIGKILL)
            case "terminate worker":
                self._end_worker(signal.SIGTERM)
            case "kill server":
                self._server.kill()
                time.sleep(action.lasting)
                self._server.start()
            case "kill both":
                self._server.kill()
                self._end_worker(signal.SIGKILL)
                self._server.start()
            case "freeze worker":
                assert self._worker is not None
                if self._worker.poll() is None:
                    os.kill(self._worker.pid, signal.SIGSTOP)
                    time.sleep(action.lasting)
                    os.kill(self._worker.pid, signal.SIGCONT)
            case "freeze server":
                self._server.signal(signal.SIGSTOP)
                time.sleep(action.lasting)
                self._server.signal(signal.SIGCONT)
            case "delete consumer":
                self._disturb(f"CONSUMER.DELETE.{STREAM}.{self._consumer}", b"")
            case "steal deliveries":
                # Another client pulls from the same consumer and acknowledges nothing.
                self._disturb(
                    f"CONSUMER.MSG.NEXT.{STREAM}.{self._consumer}",
                    b'{"batch":20,"no_wait":true}',
                )
        assert self._worker is not None
        if self._worker.poll() is not None:
            self._start_worker(action.life)

    def _disturb(self, subject: str, data: bytes) -> None:
        try:
            connection = NatsConnection(self._server.login, timeout=1.0)
            try:
                connection.request(f"$JS.API.{subject}", data, 1.0)
            finally:
                connection.close()
        except ProjectionError:
            pass  # The server is away, or has no such consumer at the moment.

    def _settle(self) -> None:
        """Let an undisturbed worker catch up, end it, and read what both sides have."""
        self._end_worker(signal.SIGKILL)
        self._start_worker({"batch": 1000})
        last = self._server.ask(f"STREAM.INFO.{STREAM}")["state"]["last_seq"]
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        while (found := self._checkpoint()) is None or found.sequence < last:
            assert self._worker is not None
            assert self._worker.poll() is None, "the worker ended by itself"
            assert time.monotonic() < deadline, f"stuck at {found} of {last}, seed {self._outcome.seed}"
            time.sleep(0.2)
        self._end_worker(signal.SIGTERM)
        outcome = self._outcome
        outcome.messages = self._server.messages(STREAM)
        store = self._open()
        outcome.checkpoint = store.checkpoint()
        outcome.views = dict(store.scan(b"view:"))
        outcome.quarantined = [event.sequence for event in store.quarantine()]
        store.close()

    def _checkpoint(self) -> Checkpoint | None:
        if not (self._assignment.path / "data.mdb").exists():
            return None
        store = self._open()
        try:
            return store.checkpoint()
        finally:
            store.close()

    def _open(self) -> Store:
        return self._assignment.open_store(read_only=True)

    def _start_worker(self, life: dict[str, Any]) -> None:
        options = json.dumps({"path": str(self._shard.directory), "url": self._server.url, **life})
        with (self._directory / "worker.log").open("ab") as log:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "tests.apps.projections.chaos.victim", options],
                cwd=_REPOSITORY,
                stdout=log,
                stderr=log,
            )

    def _end_worker(self, how: signal.Signals) -> None:
        assert self._worker is not None
        if self._worker.poll() is None:
            os.kill(self._worker.pid, how)
        self._worker.wait(60)
