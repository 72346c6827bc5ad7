"""The stream of a running service is deleted, recreated or restored: said, and mended by a rebuild."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.apps.projections import ledger
from tests.apps.projections.nats_server import NatsServer
from tests.apps.projections.running import Running
from tests.providers.local.plugin.client import until

Change = Callable[[NatsServer, Path], None]


def _publish(nats: NatsServer, values: range) -> int:
    return nats.publish((f"events.ewr.{n % 3}", ledger.event("ewr", f"a{n % 5}", n)) for n in values)


def _recreate(nats: NatsServer, _backup: Path) -> None:
    nats.ask("STREAM.DELETE.EVENTS")
    nats.add_stream("EVENTS", ["events.>"], allow_direct=True)
    _publish(nats, range(500, 540))


def _restore(nats: NatsServer, backup: Path) -> None:
    nats.kill()
    shutil.rmtree(nats.files)
    shutil.copytree(backup, nats.files)
    nats.start()


def _restore_and_write(nats: NatsServer, backup: Path) -> None:
    _restore(nats, backup)
    _publish(nats, range(900, 1100))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_recreate, "stream EVENTS was recreated"),
        (_restore, "restored to an earlier point"),
        (_restore_and_write, "another event at sequence"),
    ],
    ids=["recreated", "restored", "restored and written to"],
)
def test_what_happened_is_said_views_are_answered_and_a_rebuild_mends_it(
    tmp_path: Path, nats: NatsServer, running: Running, change: Change, said: str
) -> None:
    spec = str(running.spec)
    first = _publish(nats, range(100))
    until(lambda: int(running.ask("ewr")["sequence"]) == first)
    nats.kill()
    shutil.copytree(nats.files, tmp_path / "backup")
    nats.start()
    last = _publish(nats, range(100, 250))
    until(lambda: int(running.ask("ewr")["sequence"]) == last)
    before = running.views()
    assert running.wrong("/health") == ""

    # Written to before the worker is back, or it would see the stream between the two.
    worker = running.worker()
    worker.suspend()
    change(nats, tmp_path / "backup")
    worker.resume()
    until(lambda: said in running.wrong("/health"))
    assert "projections rebuild" in running.wrong("/health")
    until(lambda: running.status("/ready") == 200)
    assert running.views() == before
    (status,) = [json.loads(line) for line in running.command("status", spec).splitlines()]
    assert said in status["wrong"]
    assert (status["generation"], status["sequence"]) == (1, last)
    assert said in running.log

    running.command("rebuild", spec)
    until(lambda: '"generation": 2' in running.command("status", spec))
    until(lambda: running.wrong("/health") == "" and running.status("/ready") == 200)
    last = _publish(nats, range(2000, 2010))
    until(lambda: int(running.ask("ewr")["sequence"]) == last)
    assert running.views() == ledger.fold(nats.messages("EVENTS"))[0]
    assert "wrong" not in running.command("status", spec)

    running.command("retire", spec, "1")
    until(lambda: nats.consumers("EVENTS") == [f"{ledger.VIEW}-all-2"])


def test_a_stream_that_is_restored_as_it_was_is_gone_on_with(
    tmp_path: Path, nats: NatsServer, running: Running
) -> None:
    last = _publish(nats, range(50))
    until(lambda: int(running.ask("ewr")["sequence"]) == last)
    nats.kill()
    shutil.copytree(nats.files, tmp_path / "backup")
    nats.start()
    _recreate(nats, tmp_path / "backup")
    until(lambda: "was recreated" in running.wrong("/health"))
    _restore(nats, tmp_path / "backup")
    last = _publish(nats, range(50, 60))
    until(lambda: running.wrong("/health") == "" and int(running.ask("ewr")["sequence"]) == last)
    assert running.views() == ledger.fold(nats.messages("EVENTS"))[0]


def test_a_service_that_starts_on_another_stream_says_so_too(nats: NatsServer, running: Running) -> None:
    last = _publish(nats, range(50))
    until(lambda: int(running.ask("ewr")["sequence"]) == last)
    before = running.views()
    assert running.process is not None
    running.process.terminate()
    assert running.process.wait(60) == 0
    nats.ask("STREAM.DELETE.EVENTS")
    nats.add_stream("EVENTS", ["events.>"])
    running.start()
    until(lambda: "was recreated" in running.wrong("/health"))
    assert running.views() == before


def test_a_stream_that_is_gone_is_named_by_readiness(nats: NatsServer, running: Running) -> None:
    last = _publish(nats, range(50))
    until(lambda: int(running.ask("ewr")["sequence"]) == last)
    nats.ask("STREAM.DELETE.EVENTS")
    until(lambda: "stream not found" in running.wrong("/ready"))
    assert len(running.views()) == 5
