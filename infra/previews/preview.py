"""One stack, previewed by the engine in a backend that is thrown away."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.engine.checkout import HERE
from infra.engine.installation import Engine

State = Mapping[str, Any]
_STACK = "pulumi:pulumi:Stack"
_ENDED = "preview failed"
"""What the engine adds to whatever was the reason."""
_TIMEOUT = 900


@dataclass(frozen=True)
class Violation:
    """Of a policy: `level` is mandatory or advisory, `resource` the name of what violates it."""

    rule: str
    level: str
    resource: str
    message: str


@dataclass(frozen=True)
class Preview:
    """What the engine did: its exit code, its event log and what it said."""

    stack: str
    code: int
    log: tuple[str, ...]
    said: str

    @cached_property
    def events(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(json.loads(line) for line in self.log)

    @cached_property
    def resources(self) -> dict[str, State]:
        """What would be made, by URN: `type`, `parent` and `inputs`, where secrets are `[secret]`."""
        found = {}
        for event in self.events:
            metadata = (event.get("resourcePreEvent") or {}).get("metadata") or {}
            if metadata.get("new") and metadata["type"] != _STACK:
                found[str(metadata["urn"])] = metadata["new"]
        return found

    @cached_property
    def violations(self) -> tuple[Violation, ...]:
        found = [event["policyEvent"] for event in self.events if event.get("policyEvent")]
        return tuple(
            Violation(
                rule=each["policyName"],
                level=each["enforcementLevel"],
                resource=str(each.get("resourceUrn", "")).rpartition("::")[2],
                message=_sentence(each["message"]),
            )
            for each in found
        )

    @property
    def mandatory(self) -> tuple[Violation, ...]:
        return tuple(each for each in self.violations if each.level == "mandatory")

    @property
    def errors(self) -> tuple[str, ...]:
        """Why it failed, but for violations of policies."""
        found = [event["diagnosticEvent"] for event in self.events if event.get("diagnosticEvent")]
        told = [str(each["message"]).strip() for each in found if each["severity"] == "error"]
        told = [message for message in told if message != _ENDED]
        if self.code and not told and not self.mandatory:
            return (self.said.strip()[-2000:],)
        return tuple(told)


def _sentence(message: str) -> str:
    """A violation's own words: the engine puts the rule's description before them."""
    return message.strip().rpartition("\n")[2]


def preview(
    project: Path,
    stack: str,
    engine: Engine,
    *,
    pack: Path | None = None,
    plugins: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Preview:
    """Preview `stack` of the project in `project`, with the policies of `pack`, from an empty state.

    `plugins` is a directory with provider plugins to prefer. `stack init` writes a salt into the stack's
    file: give a project of which that may be thrown away.
    """
    with tempfile.TemporaryDirectory(prefix="nebula-preview-") as scratch:
        log = Path(scratch) / "events.json"
        variables = _variables(Path(scratch), engine, plugins) | dict(environment or {})
        created = _run(engine, ["stack", "init", stack], project, variables)
        if created.returncode:
            return Preview(stack, created.returncode, (), created.stdout + created.stderr)
        command = ["preview", "--stack", stack, "--event-log", str(log)]
        if pack is not None:
            command += ["--policy-pack", str(pack)]
        ended = _run(engine, command, project, variables)
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return Preview(stack, ended.returncode, tuple(lines), ended.stdout + ended.stderr)


def _variables(scratch: Path, engine: Engine, plugins: Path | None) -> dict[str, str]:
    """The caller's environment, without what it says of Pulumi: neither login nor stack are its own. A
    dot in PYTHONPATH would be infra/, where Python's own `platform` is another."""
    dropped = ("PULUMI_", "PYTHONPATH", "PYTHONHOME")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    state = scratch / "state"
    state.mkdir()
    first = [str(each) for each in (plugins, engine.executable.parent) if each is not None]
    return kept | {
        "PATH": os.pathsep.join([*first, kept.get("PATH", os.defpath)]),
        "PULUMI_HOME": str(scratch / "home"),
        "PULUMI_BACKEND_URL": f"{state.as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DEBUG_COMMANDS": "true",  # without it there is no event log
        "NEBULA_CHECKOUT": str(HERE.root),
        "NEBULA_PYTHON": sys.executable,
    }


def _run(
    engine: Engine, arguments: Sequence[str], directory: Path, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(engine.executable), *arguments, "--non-interactive", "--color", "never"],
        cwd=directory,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
