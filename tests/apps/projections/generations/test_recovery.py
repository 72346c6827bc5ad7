"""kill -9 of every process of a service, in each state of a generation; real stores, a real NATS server."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from apps.projections.generations.registry import Generations
from apps.projections.generations.states import State
from apps.projections.keys import CheckpointKey
from apps.projections.store import Store
from tests.apps.projections import ledger
from tests.apps.projections.nats_server import NatsServer
from tests.apps.projections.running import REPOSITORY, TENANTS, Running
from tests.providers.local.plugin.client import until

_MANY = 4000
"""Events that take a while in commits of five."""


@pytest.fixture
def service(tmp_path: Path, nats: NatsServer) -> Iterator[Running]:
    """A service that commits often, with many events to begin with; it is not started."""
    nats.publish(_event(number) for number in range(_MANY))
    service = Running(tmp_path, nats, batch=5)
    yield service
    service.kill()


def _event(number: int) -> tuple[str, bytes]:
    tenant = TENANTS[number % 2]
    return f"events.{tenant}.booked", ledger.event(tenant, f"a{number % 20}", number % 1000)


def _root(tmp_path: Path) -> Path:
    return tmp_path / "data" / ledger.VIEW


def _states(tmp_path: Path) -> dict[int, State]:
    return {each.number: each.state for each in Generations(_root(tmp_path)).in_state(*State)}


def _stored(tmp_path: Path, number: int) -> tuple[int, dict[bytes, bytes]]:
    """The sequence and the views of a generation."""
    path = _root(tmp_path) / str(number)
    if not (path / "data.mdb").exists():
        return 0, {}
    store = Store(path, CheckpointKey("all", ledger.VIEW), read_only=True)
    try:
        checkpoint = store.checkpoint()
        return checkpoint.sequence if checkpoint else 0, dict(store.scan(b"view:"))
    finally:
        store.close()


def _kill_all(service: Running) -> None:
    """The service, its worker, the processes of other generations and the sandboxes, at one moment."""
    assert service.process is not None
    below = psutil.Process(service.process.pid).children(recursive=True)
    assert any("apps.projections" in each.cmdline() and "work" in each.cmdline() for each in below)
    for each in (psutil.Process(service.process.pid), *below):
        each.suspend()
    for each in below:
        each.kill()
    service.kill()
    psutil.wait_procs(below, timeout=60)


def _kill_in(service: Running, tmp_path: Path, number: int, state: State) -> int:
    """Kill everything while a generation is in a state and has begun; the sequence that it reached."""

    def partly() -> bool:
        assert _states(tmp_path).get(number, state) is state, "too late"
        return _stored(tmp_path, number)[0] > 0

    until(partly)
    _kill_all(service)
    assert _states(tmp_path)[number] is state
    reached, _ = _stored(tmp_path, number)
    return reached


def _equals_the_stream(nats: NatsServer, tmp_path: Path, *numbers: int) -> Callable[[], bool]:
    expected = ledger.fold(nats.messages("EVENTS"))[0]
    return lambda: all(_stored(tmp_path, number)[1] == expected for number in numbers)


def test_killed_while_the_first_generation_is_filled(
    tmp_path: Path, nats: NatsServer, service: Running
) -> None:
    service.start(ready=False)
    reached = _kill_in(service, tmp_path, 1, State.SERVING_INCOMPLETE)
    assert reached < _MANY
    service.start()
    assert _states(tmp_path) == {1: State.SERVING}
    until(_equals_the_stream(nats, tmp_path, 1))


def test_killed_while_a_rebuild_is_filled(tmp_path: Path, nats: NatsServer, service: Running) -> None:
    service.start()
    service.command("rebuild", str(service.spec))
    reached = _kill_in(service, tmp_path, 2, State.FILLING)
    assert reached < _MANY
    service.start()
    assert service.ask("ewr")["sequence"] == _MANY
    until(lambda: _states(tmp_path) == {1: State.STANDBY, 2: State.SERVING})
    until(_equals_the_stream(nats, tmp_path, 1, 2))
    assert nats.consumers("EVENTS") == [f"{ledger.VIEW}-all-1", f"{ledger.VIEW}-all-2"]


def test_killed_while_one_answers_and_one_stands_by_and_both_apply_events(
    tmp_path: Path, nats: NatsServer, service: Running
) -> None:
    service.start()
    service.command("rebuild", str(service.spec))
    until(lambda: _states(tmp_path) == {1: State.STANDBY, 2: State.SERVING})
    last = nats.publish(_event(number) for number in range(1000, 3000))
    until(lambda: all(_stored(tmp_path, number)[0] > _MANY for number in (1, 2)))
    _kill_all(service)
    assert _states(tmp_path) == {1: State.STANDBY, 2: State.SERVING}
    service.start()
    until(lambda: all(_stored(tmp_path, number)[0] == last for number in (1, 2)))
    assert _equals_the_stream(nats, tmp_path, 1, 2)()
    assert _states(tmp_path) == {1: State.STANDBY, 2: State.SERVING}


def _killed_command(service: Running, where: str, *words: str) -> None:
    """Run a command that kills itself instead of calling the function `where`."""
    module, _, name = where.rpartition(".")
    code = (
        f"import os, signal, sys, {module}\n"
        f"{module}.{name} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from apps.projections.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_killed_while_a_generation_is_retired(tmp_path: Path, nats: NatsServer, service: Running) -> None:
    """The command is killed when the record says so and the store is still there; then everything else is."""
    service.start()
    service.command("rebuild", str(service.spec))
    until(lambda: _states(tmp_path) == {1: State.STANDBY, 2: State.SERVING})
    _kill_all(service)
    _killed_command(service, "shutil.rmtree", "retire", str(service.spec), "1")
    assert _states(tmp_path) == {1: State.RETIRED, 2: State.SERVING}
    assert (_root(tmp_path) / ".retired-1" / "data.mdb").exists()
    assert _status(service)["generations"] == [2]
    assert f"{ledger.VIEW}-all-1" in nats.consumers("EVENTS")
    service.start()
    until(lambda: _states(tmp_path) == {2: State.SERVING})
    assert nats.consumers("EVENTS") == [f"{ledger.VIEW}-all-2"]
    assert sorted(each.name for each in _root(tmp_path).iterdir() if each.is_dir()) == ["2"]


@pytest.mark.parametrize(
    "words", [("rebuild",), ("cut-over", "2"), ("retire", "2")], ids=["rebuild", "cut-over", "retire"]
)
def test_a_command_that_is_killed_before_its_record_is_in_place_changes_nothing(
    tmp_path: Path, nats: NatsServer, service: Running, words: tuple[str, ...]
) -> None:
    root = _root(tmp_path)
    generations = Generations(root)
    generations.caught_up(generations.declare(ledger.PROGRAM).number)
    generations.begin(ledger.PROGRAM)
    before = _states(tmp_path)
    name, *rest = words
    _killed_command(service, "os.replace", name, str(service.spec), *rest)
    assert _states(tmp_path) == before == {1: State.SERVING, 2: State.FILLING}
    service.start()
    until(lambda: _states(tmp_path) == {1: State.STANDBY, 2: State.SERVING})
    until(_equals_the_stream(nats, tmp_path, 1, 2))


def _status(service: Running) -> dict[str, Any]:
    (line,) = service.command("status", str(service.spec)).splitlines()
    return dict(json.loads(line))
