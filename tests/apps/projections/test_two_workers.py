"""Two processes on one store: whatever made them two, every event is applied once."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.projections.keys import CheckpointKey
from apps.projections.records import Checkpoint
from apps.projections.store import Store
from tests.apps.projections import ledger
from tests.apps.projections.chaos.publisher import Publisher
from tests.apps.projections.chaos.victim import SHARD, STREAM, SUBJECTS, assignment, shard
from tests.apps.projections.nats_server import NatsServer, nats_server
from tests.apps.projections.running import REPOSITORY, Running
from tests.providers.local.plugin.client import until


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as server:
        server.add_stream(STREAM, SUBJECTS, allow_direct=True)
        yield server


def _store(path: Path) -> tuple[Checkpoint | None, dict[bytes, bytes], list[int]]:
    """Checkpoint, views, and what is in quarantine."""
    store = Store(path, CheckpointKey(SHARD, ledger.VIEW), read_only=True)
    try:
        held = [each.sequence for each in store.quarantine()]
        return store.checkpoint(), dict(store.scan(b"view:")), held
    finally:
        store.close()


def _reached(path: Path, last: int) -> bool:
    if not (path / "data.mdb").exists():
        return False
    checkpoint, _, _ = _store(path)
    return checkpoint is not None and checkpoint.sequence >= last


def _equal(nats: NatsServer, path: Path) -> None:
    """Views, counts and quarantine are those of a plain fold of the stream."""
    messages = nats.messages(STREAM)
    expected, poisoned = ledger.fold(messages)
    checkpoint, views, held = _store(path)
    assert checkpoint is not None
    assert checkpoint.events == len(messages)
    assert held == poisoned
    assert views == expected


def test_workers_that_know_nothing_of_each_other_apply_every_event_once(
    tmp_path: Path, nats: NatsServer
) -> None:
    made = shard(nats.login, tmp_path / "views")
    path = assignment(made).path
    publisher = Publisher(nats, seed=7)
    publisher.start()
    with (tmp_path / "workers.log").open("ab") as log:
        workers = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.apps.projections.chaos.victim",
                    json.dumps({"path": str(made.directory), "url": nats.url, "batch": batch}),
                ],
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
            )
            for batch in (20, 200)
        ]
    try:
        until(lambda: _reached(path, 2000))
        publisher.finish()
        last = nats.ask(f"STREAM.INFO.{STREAM}")["state"]["last_seq"]
        until(lambda: _reached(path, last))
        assert [worker.poll() for worker in workers] == [None, None]
    finally:
        publisher.finish()
        for worker in workers:
            worker.kill()
            worker.wait()
    lost = (tmp_path / "workers.log").read_text().count("begins again from its checkpoint")
    assert lost > 0, "they were never in each other's way"
    _equal(nats, path)


def test_a_second_service_on_the_same_files_waits_and_takes_over(tmp_path: Path, nats: NatsServer) -> None:
    events = {"stream": STREAM, "subjects": SUBJECTS}
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    data = tmp_path / "data"
    publisher = Publisher(nats, seed=8)
    first = Running(tmp_path / "first", nats, data, **events).start()
    second = Running(tmp_path / "second", nats, data, **events)
    path = data / ledger.VIEW / "1"
    try:
        publisher.start()
        second.start(ready=False)
        until(lambda: "keeps the views in" in second.wrong("/ready"))
        assert f"process {first.worker().pid} on " in second.wrong("/ready")
        until(lambda: _reached(path, 500))
        assert first.status("/ready") == 200
        assert second.status("/health") == 200
        assert "begins again" not in first.log
        first.kill()
        until(lambda: second.status("/ready") == 200)
        time.sleep(1)
        publisher.finish()
        last = nats.ask(f"STREAM.INFO.{STREAM}")["state"]["last_seq"]
        until(lambda: _reached(path, last))
    finally:
        publisher.finish()
        first.kill()
        second.kill()
    _equal(nats, path)


def test_a_service_that_waits_ends_when_it_is_asked_to(tmp_path: Path, nats: NatsServer) -> None:
    events = {"stream": STREAM, "subjects": SUBJECTS}
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = Running(tmp_path / "first", nats, tmp_path / "data", **events).start()
    second = Running(tmp_path / "second", nats, tmp_path / "data", **events)
    try:
        second.start(ready=False)
        until(lambda: "keeps the views in" in second.wrong("/ready"))
        assert second.process is not None
        second.process.terminate()
        assert second.process.wait(60) == 0
        assert first.status("/ready") == 200
    finally:
        first.kill()
        second.kill()
