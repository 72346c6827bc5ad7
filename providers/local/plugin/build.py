"""The Build: what is derived from a distribution before it runs, on a private copy."""

import hashlib
import json
import shutil
from pathlib import Path

from components.templates import render
from providers.local.plugin import orphans
from providers.local.plugin.commands import Command
from providers.local.plugin.environment import base_environment
from providers.local.plugin.errors import CommandError
from providers.local.plugin.layout import StackDirectory, remove_tree
from providers.local.plugin.properties import UNKNOWN, Properties, differences, has_unknown
from providers.local.plugin.resource import Changes, Failure, Surroundings, name_failures, with_drift
from providers.local.plugin.secrecy import last_lines, redact

_BUILD_SECONDS = 1800.0
_BUILT = ".nebula-built"
_REPLACING = ("name", "directory")


class Build:
    """Resource type Build. A home is complete once it holds its mark; an unfinished one is built anew.

    Commands run where the result stays: programs write their own path into what they build.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings

    def check(self, inputs: Properties) -> list[Failure]:
        return name_failures(inputs)

    def diff(self, state: Properties, old: Properties, inputs: Properties) -> Changes:
        changes = Changes(inputs=differences(old, inputs))
        changes.replace = [key for key in _REPLACING if key in changes.inputs]
        changes.reality = self._drift(state)
        return changes

    def _drift(self, state: Properties) -> list[str]:
        return [] if (Path(state["home"]) / _BUILT).exists() else ["home"]

    def preview(self, state: Properties, old: Properties, inputs: Properties) -> Properties:
        home = UNKNOWN if has_unknown(inputs) else str(_home(inputs))
        return {"name": inputs["name"], "directory": inputs["directory"], "home": home}

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        directory, home = StackDirectory(Path(inputs["directory"])), _home(inputs)
        self._around.lock.acquire(directory)
        if not (home / _BUILT).exists():
            self._build(urn, directory, home, inputs)
        name = inputs["name"]
        return name, {"name": name, "directory": str(directory.root), "home": str(home)}

    def _build(self, urn: str, directory: StackDirectory, home: Path, inputs: Properties) -> None:
        workload = f"build.{inputs['name']}"
        orphans.end_orphans(directory, self._around.supervisor(directory), workload)
        source = Path(inputs["source"])
        if not source.is_dir():
            raise CommandError(f"{inputs['name']}: {source} is missing; `pulumi up` fetches it again")
        remove_tree(home)
        self._around.engine.status(urn, f"copying {source.name}")
        directory.builds.mkdir(exist_ok=True)
        shutil.copytree(source, home, symlinks=True)
        home.chmod(0o755)
        log = directory.log(workload)
        log.unlink(missing_ok=True)
        temporary = directory.run(workload)
        remove_tree(temporary)
        temporary.mkdir(parents=True)
        values = {"home": str(home)}
        environment = {
            **base_environment(directory.root, workload, home),
            "TMPDIR": str(temporary),
            **{name: render(str(value), values) for name, value in (inputs.get("env") or {}).items()},
        }

        def show(line: str) -> None:
            self._around.engine.status(urn, redact(line, directory, {})[:200])

        for template in inputs.get("commands") or []:
            argv = [render(word, values) for word in template]
            command = Command(argv, environment, home, log, _BUILD_SECONDS)
            status = self._around.commands.run(command, f"building {inputs['name']}", show)
            if status != 0:
                output = redact(log.read_text(errors="replace"), directory, {})
                raise CommandError(
                    f"building {inputs['name']} failed: {argv[0]} ended with {status}. Its last lines:\n"
                    f"{last_lines(output)}\nlog: {log}; `pulumi up` builds it again"
                )
        remove_tree(temporary)
        (home / _BUILT).touch()

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        outputs = self.create(urn, inputs)[1]
        # The build before this one stays: its server still runs until its own update.
        kept = {outputs["home"], state["home"]}
        for path in _builds(StackDirectory(Path(inputs["directory"])), inputs["name"]):
            if str(path) not in kept:
                remove_tree(path)
        return outputs

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        return with_drift(state, self._drift(state)) if Path(state["directory"]).exists() else None

    def delete(self, urn: str, state: Properties) -> None:
        directory = StackDirectory(Path(state["directory"]))
        if directory.root.exists():
            self._around.lock.acquire(directory)
            for path in _builds(directory, state["name"]):
                remove_tree(path)
            directory.log(f"build.{state['name']}").unlink(missing_ok=True)


def _home(inputs: Properties) -> Path:
    parts = [inputs["source"], inputs.get("commands") or [], inputs.get("env") or {}]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
    return StackDirectory(Path(inputs["directory"])).builds / f"{inputs['name']}-{digest}"


def _builds(directory: StackDirectory, name: str) -> list[Path]:
    return [path for path in directory.builds.glob(f"{name}-*") if path.name.rpartition("-")[0] == name]
