"""An engine that is killed or interrupted around the Create of every resource of a light stack.

Each run gets one resource further and is struck there; the next one must go on from what it left.
"""

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.engine import state
from infra.engine.checkout import PROJECT
from tests.e2e import light, machine
from tests.e2e.light import LIGHT
from tests.e2e.stack import EngineRun, Stack, short_name
from tests.providers.local.plugin.client import until

OFFSET = 1000
PHASES = ("before", "inside", "after")
SEED = "NEBULA_TEST_SEED"
EVERY_PHASE = "NEBULA_TEST_EVERY_PHASE"
"""Set it to strike each resource three times instead of in one phase drawn from the seed."""
_PROVIDED = ("pulumi:providers:", "nebula-local:")


@pytest.fixture(scope="module")
def stack(scratch_directory: Path) -> Iterator[Stack]:
    stack = light.clone_stack("struck", scratch_directory, LIGHT, OFFSET)
    yield stack
    stack.remove()


class Striker:
    """Runs `up` again and again, and ends each run at the first resource that is due."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.stack = stack
        self._random = random.Random(seed)  # noqa: S311  # reproducible, no secret
        self._struck: dict[str, list[str]] = {}
        self._runs = 0

    @property
    def struck(self) -> dict[str, list[str]]:
        """The phases in which each resource was struck."""
        return {name: phases for name, phases in self._struck.items() if phases}

    def run(self) -> bool:
        """One run; False when it came to its end without meeting a resource that is due."""
        by_make = self._random.choice((True, False))
        number = self._random.choice((signal.SIGKILL, signal.SIGINT))
        left = self._locks()
        if by_make:
            self._runs += 1
            log = self.stack.logs / f"make-{self._runs:03}.log"
            run = light.start_make_up(self.stack, log)
        else:
            self._clear_lock_as_told(left)
            run = self.stack.start("up", "--yes", "--skip-preview", "--parallel", "1")
        target = self._strike(run, number, by_make)
        result = run.wait()
        if by_make and left:
            assert "Cleared the lock that a dead engine" in result.output
        if target is None:
            assert result.returncode == 0, result.output
            return False
        until(lambda: not self._helpers())
        print(f"{target}: {self._struck[target][-1]}, {number.name}, {'make' if by_make else 'pulumi'}")
        assert number == signal.SIGKILL or not self._locks(), result.output
        return True

    def _clear_lock_as_told(self, left: list[Path]) -> None:
        if left:
            refused = self.stack.up(check=False)
            assert refused.returncode != 0
            assert "pulumi cancel" in refused.output
            self.stack.ask("cancel", "--yes", self.stack.name)

    def _strike(self, run: EngineRun, number: signal.Signals, by_make: bool) -> str | None:
        target = phase = ""
        for event in run.events():
            begins = event.get("resourcePreEvent", {}).get("metadata", {})
            ended = event.get("resOutputsEvent", {}).get("metadata", {})
            if not target and begins.get("op") == "create" and begins["type"].startswith(_PROVIDED):
                name = short_name(begins["urn"])
                phase = self._due(name)
                target = name if phase else ""
                if phase == "inside":
                    self._wait_inside(run, name)
            if target and (phase != "after" or short_name(ended.get("urn", "")) == target):
                _signal(run.process, number, by_make)
                self._struck[target].append(phase)
                return target
        return None

    def _due(self, name: str) -> str:
        """The next phase to strike the resource in, empty when it has had its share."""
        had = self._struck.setdefault(name, [])
        if os.environ.get(EVERY_PHASE):
            return next((phase for phase in PHASES if phase not in had), "")
        return "" if had else self._random.choice(PHASES)

    def _wait_inside(self, run: EngineRun, name: str) -> None:
        """Until the plugin has something to show for the resource, and a little at random."""
        kind, _, plain = name.partition("::")
        root = self.stack.directory
        trace = {
            "Host": root / "owner.json",
            "Secret": root / "secrets" / plain,
            "Process": root / "run" / plain,
            "Task": root / "logs" / f"{plain}.log",
        }.get(kind)
        if trace is not None:
            until(lambda: trace.exists() or run.process.poll() is not None)
        _pass(run.process, self._random.uniform(0, 0.5))

    def _locks(self) -> list[Path]:
        assert self.stack.backend is not None
        return list((self.stack.backend / ".pulumi" / "locks").rglob("*.json"))

    def _helpers(self) -> list[psutil.Process]:
        """The engine, language host and plugins: what runs in this checkout and is no server."""
        root = str(self.stack.checkout.root)
        found = []
        for process in psutil.process_iter():
            try:
                if process.cwd() == root or process.cwd().startswith(f"{root}/"):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


def _pass(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals, by_make: bool) -> None:
    """To the engine; Ctrl-C goes to what the user started."""
    try:
        if by_make and number == signal.SIGKILL:
            for child in psutil.Process(process.pid).children():
                if child.name() == "pulumi":
                    child.send_signal(number)
        else:
            os.kill(process.pid, number)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return


def test_up_converges_wherever_the_engine_was_struck(stack: Stack) -> None:
    seed = int(os.environ.get(SEED) or random.randrange(2**32))  # noqa: S311  # no secret
    print(f"{SEED}={seed} repeats this run")
    striker = Striker(stack, seed)
    while striker.run():
        assert sum(machine.servers_of(stack.directory).values()) <= sum(light.expected(*LIGHT).values()) + 1

    final = light.make(stack, "up")
    assert final.returncode == 0, final.stdout
    until(lambda: machine.servers_of(stack.directory) == light.expected(*LIGHT))
    assert stack.preview().changes == {}
    latest = state.deployment(stack.checkout.state, PROJECT, stack.name)
    assert not latest.get("pending_operations")
    resources = {short_name(row["urn"]) for row in latest["resources"] if row["type"].startswith(_PROVIDED)}
    assert striker.struck.keys() <= resources
    # A secret or a cached artifact is made in milliseconds: it may be there before the signal is.
    slow = {name for name in resources if name.startswith(("Process::", "Task::"))}
    print(f"not struck: {', '.join(sorted(resources - striker.struck.keys())) or 'none'}")
    assert slow <= striker.struck.keys()
    for name, mark in light.marks(stack, *LIGHT).items():
        mark.write(f"{name} takes its credentials")
        assert mark.read() == f"{name} takes its credentials"
