"""Rebuilds and new programs against a real server, while the old view serves."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from apps.projections.errors import ProgramError
from apps.projections.generations.controller import GenerationController
from apps.projections.generations.process import GenerationProcess
from apps.projections.generations.registry import Generations
from apps.projections.jetstream import ConsumerConfig, JetStream
from apps.projections.keys import CheckpointKey
from apps.projections.shard import Shard
from apps.projections.spec import Projection
from apps.projections.store import Store
from apps.projections.subscription import PullLimits, Subscription
from tests.apps.projections import consuming
from tests.apps.projections.ledger import PROGRAM, event, fold
from tests.apps.projections.nats_server import NatsServer, nats_server

PROJECTION = Projection(view="ledger", stream="BOOKS", subjects=("books.>",), tenant_token=1, program=PROGRAM)
NEW = PROGRAM.replace('"hash": 7', '"hash": 8')


def shard(server: NatsServer, root: Path, program: str = PROGRAM) -> Shard:
    return consuming.shard(server.login, root, PROJECTION.model_copy(update={"program": program}))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as server:
        server.add_stream("BOOKS", ["books.>"], allow_direct=True)
        yield server


@contextmanager
def kept(server: NatsServer, root: Path, program: str = PROGRAM) -> Iterator[None]:
    controller = GenerationController(shard(server, root, program))
    thread = threading.Thread(target=controller.run)
    thread.start()
    try:
        yield
    finally:
        controller.stop()
        thread.join()


def publish(server: NatsServer, count: int) -> int:
    return server.publish((f"books.t{n % 3}.1", event(f"t{n % 3}", f"a{n % 7}", n)) for n in range(count))


def views(root: Path, number: int) -> tuple[int, dict[bytes, bytes]]:
    """The sequence of a generation, and its views."""
    path = root / str(number)
    if not (path / "data.mdb").exists():
        return 0, {}
    store = Store(path, CheckpointKey("all", "ledger"), read_only=True)
    try:
        checkpoint = store.checkpoint()
        return checkpoint.sequence if checkpoint else 0, dict(store.scan(b"view:"))
    finally:
        store.close()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def active(root: Path) -> int:
    found = Generations(root).answering
    return found.number if found else 0


def test_a_rebuild_comes_to_the_bytes_of_one_long_run(server: NatsServer, tmp_path: Path) -> None:
    root = tmp_path / "views"
    with kept(server, root):
        last = publish(server, 700)
        eventually(lambda: views(root, 1)[0] == last)
        before = views(root, 1)
        Generations(root).begin(PROGRAM)
        eventually(lambda: active(root) == 2)
        assert views(root, 2) == views(root, 1) == before
    assert before[1] == fold(server.messages("BOOKS"))[0]


def test_the_old_program_answers_until_the_new_one_has_caught_up_and_can_be_gone_back_to(
    server: NatsServer, tmp_path: Path
) -> None:
    root = tmp_path / "views"
    with kept(server, root):
        last = publish(server, 300)
        eventually(lambda: views(root, 1)[0] == last)
    with kept(server, root, NEW):
        eventually(lambda: active(root) == 2)
        last = publish(server, 100)
        eventually(lambda: views(root, 1)[0] == last and views(root, 2)[0] == last)
        old, new = views(root, 1)[1], views(root, 2)[1]
        assert old == fold(server.messages("BOOKS"))[0]
        assert new.keys() == old.keys()
        assert new != old
        Generations(root).cut_over(1)
        last = publish(server, 10)
        eventually(lambda: views(root, 1)[0] == last and views(root, 2)[0] == last)
        assert active(root) == 1
        Generations(root).cut_over(2)
        new = views(root, 2)[1]
        Generations(root).retire(1)
        eventually(lambda: not (root / "1").exists())
        assert views(root, 2)[1] == new


def test_a_generation_retired_at_any_moment_is_gone_with_its_consumer_and_the_rest_goes_on(
    server: NatsServer, tmp_path: Path
) -> None:
    """While its worker starts, fills or commits, and right after it answered."""
    root = tmp_path / "views"
    with kept(server, root):
        last = publish(server, 300)
        eventually(lambda: views(root, 1)[0] == last)
        for delay in (0.0, 0.2, 0.4, 0.6, 0.8):
            begun = Generations(root).begin(PROGRAM)
            time.sleep(delay)
            if active(root) != begun.number:
                Generations(root).retire(begun.number)
                assert not (root / str(begun.number)).exists()
        for _ in range(3):
            before = active(root)
            begun = Generations(root).begin(PROGRAM)
            eventually(lambda: active(root) == begun.number)  # noqa: B023 - called within the loop
            Generations(root).retire(before)
        number = active(root)
        last = publish(server, 50)
        eventually(lambda: views(root, number)[0] == last)
        eventually(lambda: server.consumers("BOOKS") == [f"ledger-all-{number}"])
        assert {path.name for path in root.iterdir() if path.is_dir()} == {str(number)}
    assert views(root, number)[1] == fold(server.messages("BOOKS"))[0]


def test_the_worker_of_a_retired_generation_ends_by_itself(server: NatsServer, tmp_path: Path) -> None:
    root = tmp_path / "views"
    Generations(root).begin(PROGRAM)
    second = Generations(root).begin(PROGRAM)
    Generations(root).retire(second.number)
    process = GenerationProcess(shard(server, root).assignment(second))
    try:
        eventually(lambda: process.exit_code is not None)
    finally:
        process.stop()
    assert process.exit_code == 0
    assert not (root / "2").exists()
    assert server.consumers("BOOKS") == []


def test_a_consumer_that_nobody_asks_goes_and_one_that_waits_for_events_stays(
    server: NatsServer, tmp_path: Path
) -> None:
    left, asked = (ConsumerConfig("BOOKS", name, ["books.>"], 10, inactive=1.0) for name in ("left", "asked"))
    with JetStream(server.login) as jetstream:
        jetstream.recreate(left, 1)
        jetstream.recreate(asked, 1)
    assert server.consumers("BOOKS") == ["asked", "left"]
    subscription = Subscription(server.login, asked, 1, PullLimits(5, 10))
    try:
        eventually(lambda: server.consumers("BOOKS") == ["asked"])
        time.sleep(3)
        assert server.consumers("BOOKS") == ["asked"]
    finally:
        subscription.close()


def test_a_rebuild_may_begin_at_a_later_sequence(server: NatsServer, tmp_path: Path) -> None:
    root = tmp_path / "views"
    with kept(server, root):
        publish(server, 50)
        eventually(lambda: active(root) == 1)
        Generations(root).begin(PROGRAM, start=31)
        eventually(lambda: active(root) == 2 and views(root, 2)[0] == 50)
    rest = [message for message in server.messages("BOOKS") if message[0] >= 31]
    assert views(root, 2)[1] == fold(rest)[0]


def test_a_program_that_cannot_be_loaded_begins_no_generation(server: NatsServer, tmp_path: Path) -> None:
    with pytest.raises(ProgramError):
        GenerationController(shard(server, tmp_path / "views", "import os")).run()
    assert Generations(tmp_path / "views").all == ()
