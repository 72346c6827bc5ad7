"""Drives one real stack as a user of plain `pulumi` does. The stack shares nothing with others."""

import fnmatch
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from infra.engine.checkout import PROJECT, Checkout
from infra.engine.session import open_engine
from infra.stack_file import KEY
from providers.local.plugin import server_status, stack_removal
from providers.local.plugin.ownership import Owner
from tests.e2e.private_directories import PrivateDirectories

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("apps", "components", "infra", "policy", "providers", "stacks", "Pulumi.yaml")
_REPLACEMENT = {"replace", "create-replacement", "delete-replaced"}
Event = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """The result of a run of the engine. `changes` maps `Type::name` (`Process::trino`, `Host::local`) to the
    operation, for every resource that changed; `diffs` maps it to the properties that differ."""

    returncode: int
    output: str
    changes: dict[str, str] = field(default_factory=dict)
    diffs: dict[str, list[str]] = field(default_factory=dict)


class EngineRun:
    """A running engine, in a session of its own."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, event_log: Path) -> None:
        self.process = process
        self._log = log
        self._event_log = event_log

    def events(self) -> Iterator[Event]:
        """Yield the engine's events as they happen, until it has ended and all are read.

        `resourcePreEvent` comes before an operation and `resOutputsEvent` after it. Both have `metadata` with
        `urn` and `op`.
        """
        position = 0
        while True:
            ended = self.process.poll() is not None
            content = self._event_log.read_bytes()[position:] if self._event_log.exists() else b""
            complete = content.rpartition(b"\n")[0]
            position += len(complete) + 1 if complete else 0
            yield from (json.loads(line) for line in complete.splitlines())
            if ended:
                return
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue

    def wait_for(self, name: str, kind: str = "resourcePreEvent") -> Event | None:
        """Wait for the first event of this kind for the resource `Type::name`. Returns None when the run
        ended without one."""
        for event in self.events():
            if kind in event and short_name(event[kind]["metadata"]["urn"]) == name:
                return event
        return None

    def kill(self) -> None:
        """Send SIGKILL to the engine alone. Its children end by themselves."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> None:
        """Send SIGINT to the engine, as one Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def wait(self) -> Result:
        code = self.process.wait()
        changes: dict[str, str] = {}
        diffs: dict[str, list[str]] = {}
        for event in self.events():
            if metadata := event.get("resourcePreEvent", {}).get("metadata"):
                name, operation = short_name(metadata["urn"]), metadata["op"]
                if operation != "same":
                    changes[name] = "replace" if operation in _REPLACEMENT else operation
                    diffs[name] = sorted({*diffs.get(name, []), *(metadata.get("diffs") or [])})
        return Result(code, self._log.read_text(errors="replace"), changes, diffs)


class Stack:
    """A stack with its own checkout, backend, passphrase, directory and ports, below `tmp`.

    Other users must be able to enter `tmp` when the tests run as root (see `scratch_directory`). `settings`
    is `nebula:platform` as a user writes it; `cloud` and `local` are added. The checkout is a copy of this
    one, or the given one. With `places`, everything that the stack runs uses these instead of the shared home
    and temporary directories.
    """

    def __init__(
        self,
        name: str,
        tmp: Path,
        settings: Mapping[str, Any],
        port_offset: int,
        checkout: Path | None = None,
        variables: Mapping[str, str] | None = None,
        places: PrivateDirectories | None = None,
    ) -> None:
        self.name = name
        self.prefix = places.prefix if places else ()
        self.tmp = tmp
        self.checkout = Checkout(checkout or copy_checkout(tmp / "checkout"))
        self.directory = tmp / name
        self.port_offset = port_offset
        self.backend = tmp / f"{name}-backend"
        self.home = tmp / f"{name}-home"
        self.passphrase = tmp / f"{name}-passphrase"
        self.logs = tmp / f"{name}-runs"
        self._runs = 0
        self._started: list[subprocess.Popen[bytes]] = []
        for path in (self.backend, self.home, self.logs):
            path.mkdir(mode=0o700)
        self.passphrase.touch(0o600)
        self.passphrase.write_text(secrets.token_urlsafe(32))
        self.environment = self._environment({**(places.variables if places else {}), **(variables or {})})
        self.configure(settings)
        self.ask("stack", "init", name)

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
        engine = open_engine(os.environ).executable.parent
        return inherited | {
            "PATH": f"{engine}{os.pathsep}{inherited.get('PATH', os.defpath)}",
            "PULUMI_HOME": str(self.home),
            "PULUMI_BACKEND_URL": self.backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # gives --event-log
            "NEBULA_PYTHON": sys.executable,
            **variables,
        }

    @property
    def stack_file(self) -> Path:
        return self.checkout.stack_file(self.name)

    @property
    def state_file(self) -> Path:
        return self.backend / ".pulumi" / "stacks" / PROJECT / f"{self.name}.json"

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the stack file with `settings`. The salt of the passphrase in it stays."""
        local = {
            **settings.get("local", {}),
            "directory": str(self.directory),
            "port_offset": self.port_offset,
        }
        self.settings = {"cloud": "local", **settings, "local": local}
        content = yaml.safe_load(self.stack_file.read_text()) if self.stack_file.exists() else {}
        content = {**content, "config": {KEY: self.settings}}
        self.stack_file.write_text(yaml.safe_dump(content, sort_keys=False))

    def up(self, check: bool = True) -> Result:
        return _checked(self.start("up", "--yes", "--skip-preview").wait(), check)

    def preview(self, check: bool = True) -> Result:
        return _checked(self.start("preview").wait(), check)

    def refresh(self, check: bool = True) -> Result:
        return _checked(self.start("refresh", "--yes", "--skip-preview").wait(), check)

    def destroy(self, check: bool = True) -> Result:
        return _checked(self.start("destroy", "--yes", "--skip-preview").wait(), check)

    def start_up(self) -> EngineRun:
        return self.start("up", "--yes", "--skip-preview")

    def start(self, *arguments: str) -> EngineRun:
        """Start the engine. Its whole output is kept below `logs`."""
        self._runs += 1
        log = self.logs / f"{self._runs:03}-{arguments[0]}.log"
        event_log = log.with_suffix(".events")
        command = [
            *self.prefix, "pulumi", *arguments, "--stack", self.name,
            "--non-interactive", "--event-log", str(event_log),
        ]  # fmt: skip
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=self.checkout.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return EngineRun(process, log, event_log)

    def ask(self, *arguments: str, given: str = "") -> str:
        """Run the engine, which must succeed, and return what it prints on stdout."""
        answer = subprocess.run(
            [*self.prefix, "pulumi", *arguments, "--non-interactive"],
            cwd=self.checkout.root,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, with secrets in clear."""
        return dict(json.loads(self.ask("stack", "output", "--json", "--show-secrets", "--stack", self.name)))

    def endpoint(self, component: str) -> dict[str, Any]:
        return dict(self.outputs()["endpoints"][component])

    def credentials(self, component: str) -> dict[str, Any]:
        return dict(self.outputs()["credentials"][component])

    def servers(self) -> dict[str, server_status.ServerStatus]:
        return {server.name: server for server in server_status.server_statuses(self.directory)}

    def remove(self) -> None:
        """End the engine's runs, and remove everything that is left of the stack."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.state_file.exists():
            self.ask("cancel", "--yes", self.name)
            self.destroy(check=False)
        stack_removal.remove_stack_without_state(
            self.directory, Owner(str(self.checkout.root), self.name), keep=False
        )
        self.stack_file.unlink(missing_ok=True)


def copy_checkout(target: Path) -> Path:
    """Copy the working tree without its history to `target`. The copy shares this checkout's `.venv`."""
    target.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=_not_tracked)
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(ROOT / ".venv")
    return target


def _not_tracked(_folder: str, names: list[str]) -> set[str]:
    """Return the names of byte code and of this user's stack files, which a copy leaves out."""
    stacks = {name for name in fnmatch.filter(names, "Pulumi.*.yaml") if not name.endswith(".template.yaml")}
    return {"__pycache__", *stacks}


def short_name(urn: str) -> str:
    """Return `Process::trino` for the URN `urn:pulumi:…$nebula-local:index:Process::trino`."""
    kind, _, name = urn.rpartition("::")
    return f"{kind.rpartition(':')[2]}::{name}"


def _checked(result: Result, check: bool) -> Result:
    assert not check or result.returncode == 0, result.output
    return result
