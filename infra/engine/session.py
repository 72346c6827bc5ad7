"""One stack of one clone, ready for the engine: what every command starts from."""

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
"""A passphrase in the environment wins over a passphrase file: it is another backend's."""

_HOST_TYPE = "nebula-local:index:Host"

_FORMS = tuple(
    f"PULUMI_{backend}_{form}"
    for backend in ("DIY_BACKEND", "SELF_MANAGED_STATE")
    for form in ("GZIP", "ZSTD", "LEGACY_LAYOUT")
)
"""How the user's own backend writes states. The clone's is read here too, and is written plainly."""

EVENT_LOG = "PULUMI_OPTION_EVENT_LOG"
"""Where the engine writes its events: its option --event-log, which it has with PULUMI_DEBUG_COMMANDS."""

_UNKNOWN_STACK = "no stack named"
"""What the engine says of a stack that the backend does not have, and of no other failure."""


@dataclass(frozen=True)
class Session:
    """`environment` is all that a call of the engine needs."""

    checkout: Checkout
    stack: str
    engine: installation.Engine
    backend: backend.Backend
    environment: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        """Whether the stack runs on this machine."""
        return stacks.is_local(self.checkout, self.stack)

    @property
    def directory(self) -> Path:
        """Where it lives there."""
        return directory_of(self.checkout, self.stack)

    def run(self, *arguments: str) -> process.Outcome:
        """Run the engine with our terminal."""
        command = [str(self.engine.executable), *arguments, "--stack", self.stack]
        return process.run_foreground(command, self.checkout.root, self.environment)

    def run_recorded(self, *arguments: str) -> tuple[process.Outcome, list[str]]:
        """The same, and the engine's events, one JSON document each. They hold no secret in clear."""
        with tempfile.TemporaryDirectory(prefix="nebula-events-") as directory:
            log = Path(self.environment.get(EVENT_LOG) or Path(directory) / "events")
            recorded = {**self.environment, EVENT_LOG: str(log), "PULUMI_DEBUG_COMMANDS": "true"}
            recording = replace(self, environment=recorded)
            outcome = recording.run(*arguments)
            return outcome, log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def ask(self, *arguments: str, given: str | None = None) -> str:
        """What the engine prints on stdout. Raises EngineFailedError with what it said."""
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
        """The stack's outputs, secret ones left out."""
        if self.backend.ours:
            return state.plain_outputs(state.deployment(self.checkout.state, PROJECT, self.stack))
        printed = json.loads(self.ask("stack", "output", "--json", "--stack", self.stack))
        return {name: value for name, value in printed.items() if value != "[secret]"}

    def has(self, resource_type: str) -> bool:
        """Whether the stack's state has a resource of this type."""
        return any(each["type"] == resource_type for each in self._resources())

    def _resources(self) -> list[Mapping[str, Any]]:
        if self.backend.ours:
            latest = state.deployment(self.checkout.state, PROJECT, self.stack)
        else:
            exported = json.loads(self.ask("stack", "export", "--stack", self.stack))
            latest = exported.get("deployment") or {}
        return list(latest.get("resources") or [])

    def host_directories(self) -> list[str]:
        """The directories of a local stack that its state records."""
        return [
            str(each["outputs"]["directory"])
            for each in self._resources()
            if each["type"] == _HOST_TYPE and each.get("outputs")
        ]

    def protects(self) -> bool:
        """Whether something in the stack's state is protected (`pulumi state protect`)."""
        return any(each.get("protect") for each in self._resources())

    def exists(self) -> bool:
        """Whether the backend knows the stack. Raises EngineFailedError when it cannot be asked."""
        if self.backend.ours:
            return state.state_file(self.checkout.state, PROJECT, self.stack).exists()
        try:
            self.ask("stack", "select", self.stack)
        except EngineFailedError as error:
            if _UNKNOWN_STACK in error.output:
                return False
            raise
        return True

    def create(self) -> None:
        """Make the stack in the backend unless it is there."""
        if not self.backend.ours:
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
        """Clear what a killed engine left behind: its lock, and Creates that it had begun.

        Create is an upsert in the local provider, so an interrupted one is simply run again; left in
        the state it would only be warned of at each run. Raises StackBusyError for a living engine.
        """
        if self.backend.state is None:
            return
        for line in locks.clear_stale_locks(self.backend.state, PROJECT, self.stack):
            say(line)
        if not self.backend.ours or not self.is_local or not self.exists():
            return
        latest = state.deployment(self.checkout.state, PROJECT, self.stack)
        if interrupted := state.interrupted_creates(latest):
            names = ", ".join(urn.rpartition("::")[2] for urn in interrupted)
            say(f"The last run was interrupted while it created {names}: doing that again.")
            # An import drops pending operations and changes nothing else.
            exported = self.ask("stack", "export", "--stack", self.stack)
            self.ask("stack", "import", "--stack", self.stack, given=exported)


def directory_of(checkout: Checkout, stack: str) -> Path:
    """Where a stack of the local cloud lives. Raises MalformedStackFileError for a directory that no stack
    may have."""
    return stacks.local_directory(checkout, stack)


def forgotten(stack: str, checkout: Checkout) -> bool:
    """Whether the backend of this clone knows nothing of `stack`, and no engine is at work on it; False
    where only the engine can tell. Raises UnknownStackError, MalformedStackFileError and StackBusyError."""
    stacks.ensure(checkout, stack)
    stacks.read(checkout, stack)
    chosen = backend.choose(checkout, os.environ)
    if chosen.state is None or not chosen.ours:
        return False
    for line in locks.clear_stale_locks(chosen.state, PROJECT, stack):
        say(line)
    return not state.state_file(checkout.state, PROJECT, stack).exists()


def open_engine(environment: Mapping[str, str]) -> installation.Engine:
    """The engine, built first if there is none. Raises PreflightError before that."""
    cache = paths.cache_directory()
    if found := installation.find(environment, cache):
        return found
    preflight.check_engine(cache)
    with Progress("Building the Pulumi engine (once; about five minutes)") as progress:
        return installation.build(cache, progress)


def open_session(stack: str, checkout: Checkout) -> Session:
    """Everything that `stack` needs from the engine. Raises UnknownStackError, MalformedStackFileError (the
    engine would say what is wrong in its own words, and build itself first) and what `open_engine` does."""
    stacks.ensure(checkout, stack)
    stacks.read(checkout, stack)
    preflight.check_paths(checkout.root, paths.cache_directory())
    chosen = backend.choose(checkout, os.environ)
    engine = open_engine(os.environ)
    return Session(checkout, stack, engine, chosen, _environment(engine, chosen))


def _environment(engine: installation.Engine, chosen: backend.Backend) -> dict[str, str]:
    environment = dict(os.environ) | dict(chosen.variables)
    if chosen.ours:
        for name in (OVERRIDING, *_FORMS):
            environment.pop(name, None)
    # Policy packs and plugins without a virtual environment of their own run on this interpreter.
    environment.setdefault("NEBULA_PYTHON", sys.executable)
    if engine.ours:
        environment["PATH"] = f"{engine.executable.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return environment
