"""The Task: a command run to completion, with a JSON object as its result."""

import json
from pathlib import Path
from typing import Any

from providers.local.plugin import orphans
from providers.local.plugin.commands import Command
from providers.local.plugin.errors import CommandError
from providers.local.plugin.layout import StackDirectory, remove_tree
from providers.local.plugin.properties import UNKNOWN, Properties, differences
from providers.local.plugin.resource import Changes, Failure, Surroundings, name_failures
from providers.local.plugin.secrecy import last_lines, redact
from providers.local.plugin.spec import Spec, spec_of, template_problem

_REPLACING = ("name", "directory")


class Task:
    """Resource type Task. Create and update run it; a failed one is not recorded and runs again.

    A parked one does not run. Its state has `ran`: whether it ran with the inputs that it has now, and so
    need not when it is parked no more.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings

    def check(self, urn: str, inputs: Properties) -> list[Failure]:
        failures = name_failures(inputs)
        if problem := template_problem(inputs):
            failures.append(Failure("command", problem))
        return failures

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Changes:
        changes = Changes(inputs=differences(old, inputs))
        changes.replace = [key for key in _REPLACING if key in changes.inputs]
        return changes

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        kept = _only_power_changes(old, inputs) and state.get("ran", True)
        result = (state.get("result") or {}) if kept or inputs.get("parked") else UNKNOWN
        return {"name": inputs["name"], "directory": inputs["directory"], "result": result}

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        spec = spec_of(inputs)
        if spec.parked:
            return spec.name, _parked(spec, {}, ran=False)
        self._around.enter(spec.directory, urn)
        orphans.end_orphans(spec.directory, self._around.supervisor(spec.directory), spec.name)
        spec.write_files()
        result = self._run(urn, spec, inputs)
        return spec.name, {"name": spec.name, "directory": str(spec.directory.root), "result": result}

    def _run(self, urn: str, spec: Spec, inputs: Properties) -> dict[str, Any]:
        log, answer = spec.directory.log(spec.name), spec.run / "result.json"
        log.unlink(missing_ok=True)
        environment = {**spec.environment(), "NEBULA_RESULT": str(answer)}
        timeout = float(inputs.get("timeout") or 900)

        def show(line: str) -> None:
            self._around.engine.status(urn, redact(line, spec.directory, inputs)[:200])

        command = Command(spec.argv, environment, spec.run, log, timeout, spec.account)
        status = self._around.commands.run(command, f"task {spec.name}", show)
        if status == 0:
            return _result(spec.name, answer)
        output = redact(log.read_text(errors="replace"), spec.directory, inputs)
        raise CommandError(
            f"task {spec.name} ended with {status}. Its last lines:\n{last_lines(output)}\n"
            f"log: {log}; `pulumi up` runs it again"
        )

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        current = _only_power_changes(old, inputs) and bool(state.get("ran", True))
        if inputs.get("parked"):
            return _parked(spec_of(inputs), state.get("result") or {}, ran=current)
        if current:
            return {name: value for name, value in state.items() if name != "ran"}
        return self.create(urn, inputs)[1]

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        return state if Path(state["directory"]).exists() else None

    def delete(self, urn: str, state: Properties) -> None:
        directory = StackDirectory(Path(state["directory"]))
        if directory.root.exists():
            self._around.enter(directory, urn)
            remove_tree(directory.run(state["name"]))
            directory.log(state["name"]).unlink(missing_ok=True)


def _parked(spec: Spec, result: dict[str, Any], *, ran: bool) -> Properties:
    directory = str(spec.directory.root)
    return {"name": spec.name, "directory": directory, "result": result, "ran": ran}


def _only_power_changes(old: Properties, inputs: Properties) -> bool:
    """Whether a task is parked, or parked no more, and nothing else of it changes."""
    return bool(old) and set(differences(old, inputs)) == {"parked"}


def _result(name: str, answer: Path) -> dict[str, Any]:
    if not answer.exists():
        return {}
    try:
        result = json.loads(answer.read_text())
    except ValueError as error:
        raise CommandError(f"task {name} wrote a result that is no JSON ({error}): {answer}") from error
    if not isinstance(result, dict):
        raise CommandError(f"task {name} wrote a result that is no JSON object: {answer}")
    return result
