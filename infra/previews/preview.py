"""Previews one stack with the engine, from an empty state in a temporary backend."""

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
from infra.plugins.acquisition import plugin_directory
from infra.plugins.required import PACKAGES
from infra.plugins.standin import launcher

State = Mapping[str, Any]
_STACK = "pulumi:pulumi:Stack"
_ENDED = "preview failed"
"""The message that the engine logs in addition to the reason of a failure."""
_TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class Violation:
    """A resource violates a policy: `rule` is the policy's name, `level` is mandatory or advisory, `resource`
    is the resource's name, and `message` says what is wrong."""

    rule: str
    level: str
    resource: str
    message: str


@dataclass(frozen=True)
class Preview:
    """The result of one preview: the engine's exit code, its event log (a JSON document a line), and what it
    printed on stdout and stderr."""

    stack: str
    code: int
    log: tuple[str, ...]
    output: str

    @cached_property
    def events(self) -> tuple[Mapping[str, Any], ...]:
        """The event log, parsed."""
        return tuple(json.loads(line) for line in self.log)

    @cached_property
    def resources(self) -> dict[str, State]:
        """The resources that `up` would make, by URN, each with its `type`, `parent` and `inputs`. A secret
        input is `[secret]`."""
        found = {}
        for event in self.events:
            metadata = (event.get("resourcePreEvent") or {}).get("metadata") or {}
            if metadata.get("new") and metadata["type"] != _STACK:
                found[str(metadata["urn"])] = metadata["new"]
        return found

    @cached_property
    def violations(self) -> tuple[Violation, ...]:
        """Every violation of a policy, in the order of the event log."""
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
        """The violations of mandatory policies, by which `up` would fail."""
        return tuple(each for each in self.violations if each.level == "mandatory")

    @property
    def errors(self) -> tuple[str, ...]:
        """The errors for which the preview failed, apart from violations of policies; empty when it
        succeeded."""
        found = [event["diagnosticEvent"] for event in self.events if event.get("diagnosticEvent")]
        told = [str(each["message"]).strip() for each in found if each["severity"] == "error"]
        told = [message for message in told if message != _ENDED]
        if self.code and not told and not self.mandatory:
            return (self.output.strip()[-2000:],)
        return tuple(told)


def _sentence(message: str) -> str:
    """Returns a violation's own sentence, before which the engine puts the policy's description."""
    return message.strip().rpartition("\n")[2]


def preview(
    project: Path,
    stack: str,
    engine: Engine,
    *,
    pack: Path | None = None,
    real_plugins: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Preview:
    """Previews `stack` of the project in the directory `project` from an empty state, judged by the policy
    pack `pack`.

    Stand-ins take the place of every provider plugin unless `real_plugins` is set. `environment` is added to
    the engine's. The engine writes a salt into the stack's file, so `project` must be a copy. Raises
    TimeoutExpired after 15 minutes.
    """
    with tempfile.TemporaryDirectory(prefix="nebula-preview-") as scratch:
        log = Path(scratch) / "events.json"
        variables = _variables(Path(scratch), engine, real_plugins) | dict(environment or {})
        created = _run(engine, ["stack", "init", stack], project, variables)
        if created.returncode:
            return Preview(stack, created.returncode, (), created.stdout + created.stderr)
        command = ["preview", "--stack", stack, "--event-log", str(log)]
        if pack is not None:
            command += ["--policy-pack", str(pack)]
        ended = _run(engine, command, project, variables)
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return Preview(stack, ended.returncode, tuple(lines), ended.stdout + ended.stderr)


def _variables(scratch: Path, engine: Engine, real_plugins: bool) -> dict[str, str]:
    """Returns the engine's environment: the caller's without its settings of Pulumi (login, stack) and of
    Python (a dot in PYTHONPATH would be infra/, whose modules hide those of Python's library)."""
    dropped = ("PULUMI_", "PYTHONPATH", "PYTHONHOME")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    state, home, standins = scratch / "state", scratch / "home", scratch / "standins"
    state.mkdir()
    if real_plugins:
        _share_plugins(home)
    else:
        launcher.write(standins, PACKAGES)
    return kept | {
        "PATH": os.pathsep.join([str(standins), str(engine.executable.parent), kept.get("PATH", os.defpath)]),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"{state.as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DEBUG_COMMANDS": "true",  # without it there is no event log
        "NEBULA_CHECKOUT": str(HERE.root),
        "NEBULA_PYTHON": sys.executable,
    }


def _share_plugins(home: Path) -> None:
    """Lets the engine with PULUMI_HOME `home` use the plugins that are installed for this checkout, and keep
    there those that it downloads."""
    variables = {"PULUMI_HOME": str(HERE.home)} if HERE.home.is_dir() else {}
    installed = plugin_directory({**variables, **os.environ})
    installed.mkdir(parents=True, exist_ok=True)
    home.mkdir()
    (home / "plugins").symlink_to(installed)


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
        timeout=_TIMEOUT_SECONDS,
    )
