"""Every program of the benchmarks runs, with little work. The tests do not look at the figures."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from infra.engine.checkout import PROJECT
from tests.apps.provisioner.servers import home
from tests.bench import __main__ as bench
from tests.bench import (
    fresh,
    kubernetes,
    memory,
    no_op,
    processor_time,
    projections,
    projections_endurance,
    slope,
    warm_up,
)
from tests.bench.figures import Figure, Row
from tests.bench.measurements import taken
from tests.e2e import light
from tests.e2e.stack import ROOT, Stack
from tests.port_offsets import leased_offset

CONSOLE = Console(quiet=True)


@pytest.fixture(scope="module")
def tmp() -> Iterator[Path]:
    with bench.scratch_directory() as path:
        yield path


@pytest.fixture(scope="module")
def stack(tmp: Path) -> Iterator[Stack]:
    """Provide a stack with two servers that start quickly. It is down."""
    home("redis")
    home("nats")
    with leased_offset() as offset:
        stack = Stack("bench", tmp, light.settings("redis", "nats"), offset)
        try:
            yield stack
        finally:
            stack.remove()


@pytest.fixture(scope="module")
def up(stack: Stack) -> warm_up.Timeline:
    return warm_up.record(stack)


def names(rows: list[Row] | list[Figure]) -> list[str]:
    assert all(isinstance(row, Figure) for row in rows), rows
    return [row.name for row in rows]


def test_warm_up(stack: Stack, up: warm_up.Timeline) -> None:
    after = warm_up.dependencies(stack)
    warm_up.show(up, after, processor_time.cores(), CONSOLE)
    assert set(up.launched) == {"Process::redis", "Process::nats"}
    assert names(warm_up.figures(up, after, processor_time.cores())) == ["up.warm", "up.warm_with_tasks"]


@pytest.mark.usefixtures("up")
def test_no_op(stack: Stack, tmp: Path) -> None:
    assert no_op.measure(stack, tmp, CONSOLE, pairs=1).name == "up.noop"


@pytest.mark.usefixtures("up")
def test_memory(stack: Stack) -> None:
    assert memory.measure(stack, CONSOLE).value > 0


def test_slope(stack: Stack, tmp: Path) -> None:
    assert set(slope.previews(stack, tmp, (1, 2))) == {1, 2}


def test_projections(tmp: Path) -> None:
    scale = projections.Scale(
        flights=6000,
        events=2000,
        rounds=1,
        batches=(500,),
        endurance=projections_endurance.Scale(shards=(2,), events=12000),
    )
    rows = list(taken(projections.measurements(tmp, CONSOLE, scale), CONSOLE))
    assert names(rows) == [
        "projections.p1", "projections.p2", "projections.p3", "projections.shards.2", "projections.memory",
    ]  # fmt: skip


_MAKEFILE = """\
up:
\t@echo 'Installing the Python packages of requirements.lock'
\t@sleep 0.1
\t@echo 'Updating (local):'
down:
\t@touch down
"""


def test_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a checkout whose `make up` prints what the real one does."""
    with bench.scratch_directory() as tmp:
        checkout = tmp / "origin"
        (checkout / "stacks").mkdir(parents=True)
        template = "stacks/Pulumi.local.template.yaml"
        (checkout / template).write_text((ROOT / template).read_text())
        (checkout / "Makefile").write_text(_MAKEFILE)
        monkeypatch.setattr(fresh, "ROOT", checkout)
        machine = tmp / "machine"
        machine.mkdir(mode=0o711)
        settings = {"local": {"port_offset": 2250}}
        assert names(fresh.measure(machine, settings, CONSOLE)) == ["fresh.packages"]
        assert (machine / "checkout" / "down").exists()
        made = (machine / "checkout" / "stacks" / "Pulumi.local.yaml").read_text()
        assert "port_offset: 2250" in made


def test_kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a cluster that says of one server and one task what a real one says."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    resources = [
        {
            "type": f"kubernetes:{group}:{kind}",
            "urn": f"urn:pulumi:bench::nebula::kubernetes:{group}:{kind}::{name}",
            "outputs": {"metadata": {"name": f"{name}-0a1b"}},
        }
        for group, kind, name in (("apps/v1", "StatefulSet", "redis"), ("batch/v1", "Job", "check"))
    ]
    state = tmp_path / ".pulumi" / "stacks" / PROJECT / "bench.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    ready = SimpleNamespace(type="Ready", last_transition_time=begin + timedelta(seconds=3))
    ended = SimpleNamespace(finished_at=begin + timedelta(seconds=5))
    pods = [
        _pod("StatefulSet", "redis-0a1b", begin, conditions=[ready]),
        _pod("Job", "check-0a1b", begin, terminated=ended),
    ]
    api = SimpleNamespace(list_namespaced_pod=lambda namespace: SimpleNamespace(items=pods))
    asked: list[str] = []
    lab = SimpleNamespace(
        name="bench",
        namespace="nebula-bench",
        backend=tmp_path,
        **{call: partial(asked.append, call) for call in ("up", "preview", "remove")},
    )
    monkeypatch.setattr(kubernetes, "settings", lambda cluster, demo: {"demo": demo})
    monkeypatch.setattr(kubernetes, "ClusterStack", lambda name, tmp, settings: lab)
    cluster: Any = SimpleNamespace(core=api)
    local: Any = SimpleNamespace(preview=lambda: time.sleep(0.01))
    rows = list(kubernetes.measure(cluster, local, 1.0, tmp_path, CONSOLE))
    assert names(rows) == list(kubernetes.NAMES)
    assert rows[0].against == 5.0  # the task's
    assert asked == ["up", "preview", "remove"]


def _pod(kind: str, owner: str, begin: datetime, terminated: Any = None, conditions: Any = ()) -> Any:
    container = SimpleNamespace(state=SimpleNamespace(terminated=terminated))
    return SimpleNamespace(
        metadata=SimpleNamespace(owner_references=[SimpleNamespace(kind=kind, name=owner)]),
        status=SimpleNamespace(start_time=begin, container_statuses=[container], conditions=conditions),
    )
