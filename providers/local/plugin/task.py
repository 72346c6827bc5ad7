"""The resource type Task: a command that runs to completion, with a JSON object as its result."""

import json
from pathlib import Path
from typing import Any

from providers.local.plugin import orphans
from providers.local.plugin.command_runner import Command
from providers.local.plugin.errors import CommandError
from providers.local.plugin.layout import StackDirectory, remove_tree
from providers.local.plugin.properties import UNKNOWN, Properties, differences
from providers.local.plugin.redaction import last_lines, redact
from providers.local.plugin.resource_type import CheckFailure, PluginContext, ResourceDiff, check_name
from providers.local.plugin.workload_spec import WorkloadSpec, render_spec, template_problem

_REPLACING = ("name", "directory")


class TaskType:
    """Implements the resource type Task. `create` and `update` run the command.

    A task that fails is not recorded in the state, so the next `up` runs it again. A parked task does not
    run; `ran` in its state says whether it already ran with its current inputs, and need not run when it is
    no longer parked.
    """

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    def check(self, urn: str, inputs: Properties) -> list[CheckFailure]:
        failures = check_name(inputs)
        if problem := template_problem(inputs):
            failures.append(CheckFailure("command", problem))
        return failures

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> ResourceDiff:
        changes = ResourceDiff(inputs=differences(old, inputs))
        changes.replace = [key for key in _REPLACING if key in changes.inputs]
        return changes

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        kept = _only_power_changes(old, inputs) and state.get("ran", True)
        result = (state.get("result") or {}) if kept or inputs.get("parked") else UNKNOWN
        return {"name": inputs["name"], "directory": inputs["directory"], "result": result}

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        spec = render_spec(inputs)
        if spec.parked:
            return spec.name, _parked(spec, {}, ran=False)
        self._context.begin_changes(spec.directory, urn)
        orphans.end_orphans(spec.directory, self._context.supervisor(spec.directory), spec.name)
        spec.write_files()
        result = self._run(urn, spec, inputs)
        return spec.name, {"name": spec.name, "directory": str(spec.directory.root), "result": result}

    def _run(self, urn: str, spec: WorkloadSpec, inputs: Properties) -> dict[str, Any]:
        log, answer = spec.directory.log_file(spec.name), spec.run_folder / "result.json"
        log.unlink(missing_ok=True)
        environment = {**spec.environment(), "NEBULA_RESULT": str(answer)}
        timeout = float(inputs.get("timeout") or 900)

        def show(line: str) -> None:
            self._context.engine.show_status(urn, redact(line, spec.directory, inputs)[:200])

        command = Command(spec.argv, environment, spec.run_folder, log, timeout, spec.account)
        status = self._context.command_runner.run(command, f"task {spec.name}", show)
        if status == 0:
            return _result(spec.name, answer)
        output = redact(log.read_text(errors="replace"), spec.directory, inputs)
        raise CommandError(
            f"task {spec.name} failed with exit status {status}. Its last lines:\n{last_lines(output)}\n"
            f"log: {log}; `pulumi up` runs it again"
        )

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        current = _only_power_changes(old, inputs) and bool(state.get("ran", True))
        if inputs.get("parked"):
            return _parked(render_spec(inputs), state.get("result") or {}, ran=current)
        if current:
            return {name: value for name, value in state.items() if name != "ran"}
        return self.create(urn, inputs)[1]

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        return state if Path(state["directory"]).exists() else None

    def delete(self, urn: str, state: Properties) -> None:
        directory = StackDirectory(Path(state["directory"]))
        if directory.root.exists():
            self._context.begin_changes(directory, urn)
            remove_tree(directory.run_folder(state["name"]))
            directory.log_file(state["name"]).unlink(missing_ok=True)


def _parked(spec: WorkloadSpec, result: dict[str, Any], *, ran: bool) -> Properties:
    directory = str(spec.directory.root)
    return {"name": spec.name, "directory": directory, "result": result, "ran": ran}


def _only_power_changes(old: Properties, inputs: Properties) -> bool:
    """Return whether the task becomes parked, or is no longer parked, and no other input changes."""
    return bool(old) and set(differences(old, inputs)) == {"parked"}


def _result(name: str, answer: Path) -> dict[str, Any]:
    if not answer.exists():
        return {}
    try:
        result = json.loads(answer.read_text())
    except ValueError as error:
        raise CommandError(
            f"task {name} wrote a result that is not JSON ({error}): {answer}. Correct the program that "
            "writes it"
        ) from error
    if not isinstance(result, dict):
        raise CommandError(
            f"task {name} wrote a result that is not a JSON object: {answer}. Correct the program that "
            "writes it"
        )
    return result
