"""Stream deleted and made anew, cut off, restored: told by a real server."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apps.projections.errors import StreamChangedError
from apps.projections.worker import Observer, Worker
from tests.apps.projections.chaos.victim import STREAM, SUBJECTS, assignment, shard
from tests.apps.projections.consuming import UpTo
from tests.apps.projections.ledger import event
from tests.apps.projections.nats_server import NatsServer, nats_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as server:
        server.add_stream(STREAM, SUBJECTS, allow_direct=True)
        yield server


def consume(server: NatsServer, directory: Path, up_to: int) -> None:
    made = shard(server.login, directory)
    stopping = UpTo(up_to, Observer())
    stopping.worker = Worker(assignment(made), stopping)
    stopping.worker.run()


def publish(server: NatsServer, values: range) -> int:
    return server.publish(("books.north.1", event("north", "a", value)) for value in values)


def contents(server: NatsServer, directory: Path) -> list[tuple[bytes, bytes]]:
    with shard(server.login, directory).answering_store() as store:
        return list(store.scan(b""))


def refused(server: NatsServer, path: Path, why: str) -> None:
    """Consuming stops with the reason, and the views stay as they were."""
    before = contents(server, path)
    with pytest.raises(StreamChangedError, match=why):
        consume(server, path, 1 << 60)
    assert contents(server, path) == before


def test_a_stream_that_was_recreated_is_refused(server: NatsServer, tmp_path: Path) -> None:
    consume(server, tmp_path / "views", publish(server, range(10)))
    server.ask(f"STREAM.DELETE.{STREAM}")
    server.add_stream(STREAM, SUBJECTS)
    publish(server, range(20))
    refused(server, tmp_path / "views", "was recreated")


def test_a_stream_that_ends_before_the_checkpoint_is_refused(server: NatsServer, tmp_path: Path) -> None:
    consume(server, tmp_path / "views", publish(server, range(10)))
    earlier(server, tmp_path, lambda: publish(server, range(5)))
    consume(server, tmp_path / "views", 15)
    restore(server, tmp_path)
    refused(server, tmp_path / "views", "restored to an earlier point")


def test_a_stream_that_was_restored_and_written_to_is_refused(server: NatsServer, tmp_path: Path) -> None:
    consume(server, tmp_path / "views", publish(server, range(10)))
    earlier(server, tmp_path, lambda: publish(server, range(5)))
    consume(server, tmp_path / "views", 15)
    restore(server, tmp_path)
    publish(server, range(100, 110))
    refused(server, tmp_path / "views", "another event at sequence 15")


def test_events_that_were_discarded_unseen_are_missed(server: NatsServer, tmp_path: Path) -> None:
    consume(server, tmp_path / "views", publish(server, range(10)))
    publish(server, range(10))
    server.ask(f"STREAM.PURGE.{STREAM}", {"seq": 16})
    refused(server, tmp_path / "views", "events from 11 on were discarded")


def test_an_unchanged_stream_goes_on_even_when_all_of_it_was_folded_and_purged(
    server: NatsServer, tmp_path: Path
) -> None:
    consume(server, tmp_path / "views", publish(server, range(10)))
    server.ask(f"STREAM.PURGE.{STREAM}")
    consume(server, tmp_path / "views", publish(server, range(10)))
    assert b'"events":20' in dict(contents(server, tmp_path / "views"))[b"view:north:ledger:a"]


def earlier(server: NatsServer, tmp_path: Path, then: Callable[[], object]) -> None:
    """Copy the server's files as they are now, and go on."""
    server.kill()
    shutil.copytree(tmp_path / "js", tmp_path / "backup")
    server.start()
    then()


def restore(server: NatsServer, tmp_path: Path) -> None:
    server.kill()
    shutil.rmtree(tmp_path / "js")
    shutil.move(tmp_path / "backup", tmp_path / "js")
    server.start()
