"""Makes one stack of a checkout ready for the engine. Every command begins with a session."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.engine import backend, installation, locks, preflight, process, stacks, state
from infra.engine.checkout import PROJECT, Checkout
from infra.engine.console import Progress, say
from infra.engine.errors import EngineFailedError
from providers.local import paths

OVERRIDING = "PULUMI_CONFIG_PASSPHRASE"
"""The variable of a passphrase, which the engine prefers to a passphrase file. It belongs to another
backend."""

_HOST_TYPE = "nebula-local:index:Host"

_FORMS = tuple(
    f"PULUMI_{backend}_{form}"
    for backend in ("DIY_BACKEND", "SELF_MANAGED_STATE")
    for form in ("GZIP", "ZSTD", "LEGACY_LAYOUT")
)
"""The variables by which a user's own backend compresses states. The checkout's own is read by this package
as well, and is written plainly."""

EVENT_LOG = "PULUMI_OPTION_EVENT_LOG"
"""The variable for the engine's option --event-log, the file of its events. PULUMI_DEBUG_COMMANDS enables
it."""

_UNKNOWN_STACK = "no stack named"
"""What the engine prints when the backend does not have a stack, and at no other failure."""


@dataclass(frozen=True)
class Session:
    """A stack of a checkout with the engine and the backend for it. `environment` holds all variables that a
    call of the engine needs."""

    checkout: Checkout
    stack: str
    engine: installation.Engine
    backend: backend.Backend
    environment: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        """True when the stack runs on this machine."""
        return stacks.is_local(self.checkout, self.stack)

    @property
    def directory(self) -> Path:
        """The stack's directory on this machine."""
        return directory_of(self.checkout, self.stack)

    def run(self, *arguments: str) -> process.Outcome:
        """Runs the engine with `arguments` on the stack, on this process's terminal."""
        command = [str(self.engine.executable), *arguments, "--stack", self.stack]
        return process.run_foreground(command, self.checkout.root, self.environment)

    def run_recorded(self, *arguments: str) -> tuple[process.Outcome, list[str]]:
        """Does the same as `run`, and returns the engine's events as well, one JSON document each. They hold
        no secret in clear."""
        with tempfile.TemporaryDirectory(prefix="nebula-events-") as directory:
            log = Path(self.environment.get(EVENT_LOG) or Path(directory) / "events")
            recorded = {**self.environment, EVENT_LOG: str(log), "PULUMI_DEBUG_COMMANDS": "true"}
            recording = replace(self, environment=recorded)
            outcome = recording.run(*arguments)
            return outcome, log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def ask(self, *arguments: str, given: str | None = None) -> str:
        """Runs the engine with `arguments` and `given` as its stdin, and returns what it prints on stdout.
        Raises EngineFailedError with what it printed on stderr."""
        command = [str(self.engine.executable), *arguments, "--non-interactive"]
        answer = subprocess.run(
            command,
            cwd=self.checkout.root,
            env=self.environment,
            input=given or "",
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise EngineFailedError(arguments, answer.returncode, answer.stderr)
        return answer.stdout

    def outputs(self) -> dict[str, Any]:
        """Returns the stack's outputs without the secret ones."""
        if self.backend.in_checkout:
            return state.plain_outputs(state.deployment(self.checkout.state, PROJECT, self.stack))
        printed = json.loads(self.ask("stack", "output", "--json", "--stack", self.stack))
        return {name: value for name, value in printed.items() if value != "[secret]"}

    def has(self, resource_type: str) -> bool:
        """Tells whether the stack's state has a resource of type `resource_type`."""
        return any(each["type"] == resource_type for each in self._resources())

    def _resources(self) -> list[Mapping[str, Any]]:
        if self.backend.in_checkout:
            latest = state.deployment(self.checkout.state, PROJECT, self.stack)
        else:
            exported = json.loads(self.ask("stack", "export", "--stack", self.stack))
            latest = exported.get("deployment") or {}
        return list(latest.get("resources") or [])

    def host_directories(self) -> list[str]:
        """Returns the directories that a local stack's state records."""
        return [
            str(each["outputs"]["directory"])
            for each in self._resources()
            if each["type"] == _HOST_TYPE and each.get("outputs")
        ]

    def protects(self) -> bool:
        """Tells whether a resource in the stack's state is protected (`pulumi state protect`)."""
        return any(each.get("protect") for each in self._resources())

    def exists(self) -> bool:
        """Tells whether the backend has the stack. Raises EngineFailedError when it cannot be asked."""
        if self.backend.in_checkout:
            return state.state_file(self.checkout.state, PROJECT, self.stack).exists()
        try:
            self.ask("stack", "select", self.stack)
        except EngineFailedError as error:
            if _UNKNOWN_STACK in error.output:
                return False
            raise
        return True

    def create(self) -> None:
        """Makes the stack in the backend unless it exists. Raises StaleSaltError when the stack file holds
        secrets of a passphrase that is gone."""
        if not self.backend.in_checkout:
            self.ask("stack", "select", "--create", self.stack)
        elif not self.exists():
            try:
                self.ask("stack", "init", self.stack)
            except EngineFailedError as error:
                if "incorrect passphrase" not in error.output:
                    raise
                # `.nebula` was removed since the file got its salt.
                stacks.drop_stale_salt(self.checkout, self.stack)
                self.ask("stack", "init", self.stack)

    def recover(self) -> None:
        """Clears what a killed engine left behind: its lock, and Creates that it had begun.

        Create is an upsert in the local provider, so an interrupted one is run again; left in the state, the
        engine would warn of it in each run. Raises StackBusyError when an engine works on the stack.
        """
        if self.backend.state is None:
            return
        for line in locks.clear_stale_locks(self.backend.state, PROJECT, self.stack):
            say(line)
        if not self.backend.in_checkout or not self.is_local or not self.exists():
            return
        latest = state.deployment(self.checkout.state, PROJECT, self.stack)
        if interrupted := state.interrupted_creates(latest):
            names = ", ".join(urn.rpartition("::")[2] for urn in interrupted)
            say(f"The last run was interrupted while it created {names}: doing that again.")
            # An import drops pending operations and changes nothing else.
            exported = self.ask("stack", "export", "--stack", self.stack)
            self.ask("stack", "import", "--stack", self.stack, given=exported)


def directory_of(checkout: Checkout, stack: str) -> Path:
    """Returns the directory of a local stack. Raises MalformedStackFileError when its file names one that no
    stack may have."""
    return stacks.local_directory(checkout, stack)


def forgotten(stack: str, checkout: Checkout) -> bool:
    """Tells whether the checkout's own backend has no state of `stack`; False with a backend of the user's
    own, which only the engine can ask. Locks that dead engines left are removed.

    Raises UnknownStackError, MalformedStackFileError, and StackBusyError when an engine works on the stack.
    """
    stacks.ensure(checkout, stack)
    stacks.read(checkout, stack)
    chosen = backend.choose(checkout, os.environ)
    if chosen.state is None or not chosen.in_checkout:
        return False
    for line in locks.clear_stale_locks(chosen.state, PROJECT, stack):
        say(line)
    return not state.state_file(checkout.state, PROJECT, stack).exists()


def open_engine(environment: Mapping[str, str]) -> installation.Engine:
    """Returns the engine, which is built first if there is none. Raises PreflightError when this machine
    cannot build it.
    """
    cache = paths.cache_directory()
    if found := installation.find(environment, cache):
        return found
    preflight.check_engine(cache)
    with Progress("Building the Pulumi engine (once; about five minutes)") as progress:
        return installation.build(cache, progress)


def open_session(stack: str, checkout: Checkout) -> Session:
    """Returns a session of `stack`: makes its file from its template, chooses the backend, and finds or
    builds the engine.

    Raises UnknownStackError and MalformedStackFileError before the engine is built, and what `open_engine`
    raises.
    """
    stacks.ensure(checkout, stack)
    stacks.read(checkout, stack)
    preflight.check_paths(checkout.root, paths.cache_directory())
    chosen = backend.choose(checkout, os.environ)
    engine = open_engine(os.environ)
    return Session(checkout, stack, engine, chosen, _environment(engine, chosen))


def _environment(engine: installation.Engine, chosen: backend.Backend) -> dict[str, str]:
    environment = dict(os.environ) | dict(chosen.variables)
    if chosen.in_checkout:
        for name in (OVERRIDING, *_FORMS):
            environment.pop(name, None)
    # Policy packs and plugins without a virtual environment of their own run on this interpreter.
    environment.setdefault("NEBULA_PYTHON", sys.executable)
    if engine.built_here:
        environment["PATH"] = f"{engine.executable.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return environment
