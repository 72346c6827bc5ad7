"""Finds the provider plugins that the engine would use, and downloads those that are missing."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.engine.console import say
from infra.engine.installation import Engine
from infra.plugins.required import Plugin

IGNORE_PATH = "PULUMI_IGNORE_AMBIENT_PLUGINS"
"""With this variable the engine ignores plugins on PATH."""
NEVER_DOWNLOAD = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
"""With this variable the engine, and this module, download no plugin."""
ANSWER_SECONDS = 10.0
"""How long a server may take to begin with a download."""
DOWNLOAD_SECONDS = 600.0
"""How long a download that has begun may take; the plugin of AWS has about 200 MB."""
_BEGINS, _FAILED = "Downloading plugin", ("warning: Error downloading plugin", "error: ")
"""What the engine prints when a server answers, and when an attempt failed, which it repeats four times, or
all."""


@dataclass(frozen=True)
class Missing:
    """A plugin that is not installed and cannot be downloaded, and the reason for the latter."""

    plugin: Plugin
    reason: str


def plugin_directory(environment: Mapping[str, str]) -> Path:
    """Returns the directory in which an engine with `environment` keeps its plugins."""
    return Path(environment.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"


def is_installed(plugin: Plugin, environment: Mapping[str, str], project: Path) -> bool:
    """Tells whether an engine with `environment` finds `plugin` in `project`: named in its Pulumi.yaml, on
    PATH, or in PULUMI_HOME in exactly its version."""
    if plugin.name in _of_project(project):
        return True
    executable = f"pulumi-resource-{plugin.name}"
    if not is_true(environment.get(IGNORE_PATH)) and shutil.which(
        executable, path=environment.get("PATH", os.defpath)
    ):
        return True
    directory = plugin_directory(environment) / plugin.directory
    # The engine does not follow links here, and writes a .partial beside what it has not unpacked whole.
    whole = not directory.with_name(f"{directory.name}.partial").exists()
    return directory.is_dir() and not directory.is_symlink() and whole


def _of_project(project: Path) -> set[str]:
    description: Any = yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8"))
    match description:
        case {"plugins": {"providers": [*providers]}}:
            return {str(each["name"]) for each in providers if isinstance(each, Mapping) and "name" in each}
    return set()


def is_true(value: str | None) -> bool:
    """Tells whether the engine takes the variable's `value` as on."""
    return (value or "").lower() in ("1", "true")


def download(
    plugins: Sequence[Plugin], engine: Engine, environment: Mapping[str, str], project: Path
) -> list[Missing]:
    """Has `engine` install `plugins`, all at a time and each by one attempt. Returns those that it could not
    install: no server answered within ANSWER_SECONDS, the download failed, or NEVER_DOWNLOAD is set."""
    if is_true(environment.get(NEVER_DOWNLOAD)):
        return [Missing(each, f"{NEVER_DOWNLOAD} is set") for each in plugins]
    with (
        tempfile.TemporaryDirectory(prefix="nebula-plugins-") as scratch,
        ThreadPoolExecutor(len(plugins) or 1) as pool,
    ):
        # The engine would ask Pulumi's own service which plugin a name stands for.
        variables = {**environment, "TMPDIR": scratch, "PULUMI_DISABLE_REGISTRY_RESOLVE": "true"}
        reasons = pool.map(lambda each: _install(each, engine, variables, project), plugins)
        return [
            Missing(each, reason) for each, reason in zip(plugins, reasons, strict=True) if reason is not None
        ]


def _install(plugin: Plugin, engine: Engine, environment: Mapping[str, str], project: Path) -> str | None:
    """Returns why `plugin` could not be installed, None when it was."""
    arguments = ["plugin", "install", "resource", plugin.name, plugin.version]
    reason, seconds = None, ANSWER_SECONDS
    with subprocess.Popen(
        [str(engine.executable), *arguments, "--exact", "--non-interactive", "--color", "never"],
        cwd=project,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr is not None  # a pipe was asked for
        deadline = _ended_after(child, seconds)
        for line in child.stderr:
            if line.startswith(_BEGINS):
                deadline.cancel()
                seconds = DOWNLOAD_SECONDS
                deadline = _ended_after(child, seconds)
                say(f"Downloading the provider plugin {plugin}...")
            elif line.startswith(_FAILED):
                reason = line.rpartition(": ")[2].strip()
                child.terminate()
        code = child.wait()
        deadline.cancel()
    return None if code == 0 else reason or f"no answer within {seconds:.0f} seconds"


def _ended_after(child: subprocess.Popen[str], seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, child.terminate)
    timer.daemon = True
    timer.start()
    return timer
