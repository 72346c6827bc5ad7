"""The resource type Process: a supervised server with its files, its volume and its readiness probe."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from providers.local.plugin import accounts, orphans, os_processes, readiness
from providers.local.plugin.command_runner import Command
from providers.local.plugin.errors import CommandError, NotReadyError, SupervisorError
from providers.local.plugin.layout import StackDirectory, read_json, remove_tree
from providers.local.plugin.properties import UNKNOWN, Properties, differences, has_unknown
from providers.local.plugin.redaction import last_lines, redact
from providers.local.plugin.resource_type import (
    CheckFailure,
    PluginContext,
    ResourceDiff,
    check_name,
    with_drift,
)
from providers.local.plugin.stack_removal import keeps_data
from providers.local.plugin.supervisor import ALIVE_STATES, RESTARTING_STATES, ProgramStatus
from providers.local.plugin.volume import Volume
from providers.local.plugin.workload_spec import WorkloadSpec, render_spec, template_problem

_PREPARE_SECONDS = 600.0
_RESTART_SECONDS = 4.0
_REPLACING = ("name", "directory")


class ProcessType:
    """Implements the resource type Process."""

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    def check(self, urn: str, inputs: Properties) -> list[CheckFailure]:
        failures = check_name(inputs)
        if problem := template_problem(inputs):
            failures.append(CheckFailure("command", problem))
        if inputs.get("unprivileged") and not has_unknown(inputs["directory"]):
            problems = (accounts.account_problem(), accounts.access_problem(Path(inputs["directory"])))
            failures += [CheckFailure("unprivileged", problem) for problem in problems if problem]
        probe = inputs.get("readiness") or {}
        if probe.get("kind") not in {"http", "tcp", "command"}:
            failures.append(
                CheckFailure("readiness.kind", f"{probe.get('kind')!r} is not one of http, tcp, command")
            )
        elif probe["kind"] != "command" and probe.get("port") not in (inputs.get("ports") or {}):
            failures.append(
                CheckFailure("readiness.port", f"{probe.get('port')!r} is not one of the server's ports")
            )
        return failures

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> ResourceDiff:
        changes = ResourceDiff(inputs=differences(old, inputs))
        changes.replace = [key for key in _REPLACING if key in changes.inputs]
        changes.drift = self._drift(state, old)
        return changes

    def _drift(self, state: Properties, old: Properties) -> list[str]:
        spec = render_spec(old)
        if spec.parked:
            return self._parked_drift(spec, state)
        drift = []
        if not self._running(spec):
            drift.append("state")
        if not spec.matches_disk():
            drift.append("files")
        if old.get("hasVolume") and _volume(spec).identity() != (state.get("volume") or "none"):
            drift.append("volume")
        return drift

    def _parked_drift(self, spec: WorkloadSpec, state: Properties) -> list[str]:
        """Return what differs for a parked server: it runs, or its volume is not the one that was kept."""
        runs = _runs(self._context.supervisor(spec.directory).statuses().get(spec.name))
        drift = ["state"] if runs else []
        if (state.get("volume") or "") != (_volume(spec).identity() or ""):
            drift.append("volume")
        return drift

    def _running(self, spec: WorkloadSpec) -> bool:
        """Return whether the server runs, after waiting up to 4 s for a restart by supervisord."""
        supervisor = self._context.supervisor(spec.directory)
        status = supervisor.statuses().get(spec.name)
        waited = 0.0
        while status and _restarting(status) and waited < _RESTART_SECONDS:
            self._context.engine.wait(0.1, f"waiting for {spec.name} to restart")
            waited += 0.1
            status = supervisor.current_status(spec.name)
        return _runs(status)

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        if not inputs.get("hasVolume"):
            volume = ""
        elif not state:
            volume = UNKNOWN
        else:
            identity = Volume(StackDirectory(Path(state["directory"])), state["name"]).identity()
            volume = identity or UNKNOWN
        return {"name": inputs["name"], "directory": inputs["directory"], "volume": volume}

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        return inputs["name"], self.update(urn, {}, {}, inputs)

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        directory = StackDirectory(Path(inputs["directory"]))
        self._context.begin_changes(directory, urn)
        accounts.ensure_account(bool(inputs.get("unprivileged")))
        spec = render_spec(inputs)
        name = spec.name
        supervisor = self._context.supervisor(directory)
        if spec.parked:
            return self._park(spec, inputs)
        if not supervisor.is_alive():
            raise SupervisorError(
                f"{name} cannot be started: supervisord of {directory.root} is dead. `pulumi up` starts it "
                "again"
            )
        log_size = _size(directory.log_file(name))
        if not self._is_current(spec, inputs):
            self._stop(spec.directory, name)
            spec.write_files()
            if inputs.get("hasVolume"):
                self._provide_volume(urn, spec, inputs)
            spec.write_launch_spec()
            supervisor.configure_program(name, spec.stop_signal, spec.stop_seconds)
            log_size = _size(directory.log_file(name))
            supervisor.start_program(name)
        self._wait(urn, spec, old, inputs, log_size)
        volume = _volume(spec).identity() if inputs.get("hasVolume") else ""
        return {"name": name, "directory": str(directory.root), "volume": volume}

    def _park(self, spec: WorkloadSpec, inputs: Properties) -> Properties:
        """Stop the server until it is no longer parked. Its volume, its files and its spec, for `make
        status`, stay."""
        self._stop(spec.directory, spec.name)
        self._context.supervisor(spec.directory).remove_program(spec.name)
        spec.write_launch_spec()
        volume = _volume(spec).identity() if inputs.get("hasVolume") else ""
        return {"name": spec.name, "directory": str(spec.directory.root), "volume": volume or ""}

    def _is_current(self, spec: WorkloadSpec, inputs: Properties) -> bool:
        """Return whether a server with exactly these `inputs` runs already."""
        identity = orphans.recorded_process(spec.directory, spec.name)
        if identity is None:
            return False
        status = self._context.supervisor(spec.directory).current_status(spec.name)
        record = read_json(spec.directory.record_file(spec.name))
        return (
            _runs(status)
            and status is not None
            and identity.pid == status.pid
            and record.get("digest") == spec.digest
            and spec.matches_disk()
            and (not inputs.get("hasVolume") or bool(_volume(spec).identity()))
        )

    def _stop(self, directory: StackDirectory, name: str) -> None:
        """Stop the server and end its orphans."""
        if directory.root in self._context.orphans_ended and not directory.spec_file(name).exists():
            return  # It never ran here, and the Host ended all orphans.
        supervisor = self._context.supervisor(directory)
        if supervisor.is_alive():
            supervisor.stop_program(name, float(read_json(directory.spec_file(name)).get("stopSeconds", 10)))
        orphans.end_orphans(directory, supervisor, name)

    def _provide_volume(self, urn: str, spec: WorkloadSpec, inputs: Properties) -> None:
        volume = _volume(spec)
        if volume.identity():
            volume.finish_preparation()
        else:
            self._initialise(urn, spec, inputs)
        volume.give_to_account(spec.account)

    def _initialise(self, urn: str, spec: WorkloadSpec, inputs: Properties) -> None:
        def prepare() -> None:
            for template in inputs.get("prepare") or []:
                self._prepare(urn, spec, inputs, spec.render_command(template))

        if moved := _volume(spec).initialise(spec.account, prepare):
            self._context.engine.warn(
                urn,
                f"{spec.name} has a new, empty volume; files that no server prepared were moved to {moved}",
            )

    def _prepare(self, urn: str, spec: WorkloadSpec, inputs: Properties, argv: list[str]) -> None:
        step = argv[0].rpartition("/")[2]
        self._context.engine.show_status(urn, f"preparing the volume: {step}")
        log = spec.directory.log_file(f"{spec.name}.prepare")
        log.unlink(missing_ok=True)
        command = Command(argv, spec.environment(), spec.run_folder, log, _PREPARE_SECONDS, spec.account)
        status = self._context.command_runner.run(command, f"preparing the volume of {spec.name}")
        if status != 0:
            output = redact(log.read_text(errors="replace"), spec.directory, inputs)
            raise CommandError(
                f"{spec.name}: {step} failed with exit status {status} while preparing the volume. Its "
                f"last lines:\n{last_lines(output)}\nlog: {log}; `pulumi up` tries again, on an empty volume"
            )

    def _wait(self, urn: str, spec: WorkloadSpec, old: Properties, inputs: Properties, log_size: int) -> None:
        config = inputs["readiness"]
        supervisor = self._context.supervisor(spec.directory)
        probe, what = readiness.make_probe(spec, config, self._context.command_runner)
        deadline = float(config.get("deadline") or 180)
        reason = readiness.wait_until_ready(
            spec, probe, what, deadline, supervisor, self._context.engine, urn
        )
        if reason is None:
            return
        with suppress(SupervisorError):  # supervisord is dead, and `reason` says so.
            supervisor.stop_program(spec.name, spec.stop_seconds)
        raise NotReadyError(_not_ready(spec, reason, old, inputs, log_size))

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        if not Path(state["directory"]).exists():
            return None
        return with_drift(state, self._drift(state, inputs))

    def delete(self, urn: str, state: Properties) -> None:
        directory, name = StackDirectory(Path(state["directory"])), state["name"]
        if not directory.root.exists():
            return
        self._context.begin_changes(directory, urn)
        self._stop(directory, name)
        self._context.supervisor(directory).remove_program(name)
        remove_tree(directory.run_folder(name))
        if not keeps_data(directory):
            Volume(directory, name).remove()
        for stem in (name, f"{name}.prepare", f"{name}.probe"):
            for log in directory.log_file(name).parent.glob(f"{stem}.log*"):
                log.unlink(missing_ok=True)
        directory.spec_file(name).unlink(missing_ok=True)
        directory.record_file(name).unlink(missing_ok=True)


def _restarting(status: ProgramStatus) -> bool:
    """Return whether supervisord is about to restart the server, or has not noticed yet that it ended."""
    return status.state in RESTARTING_STATES or (
        status.pid > 0 and os_processes.find_process(status.pid) is None
    )


def _runs(status: ProgramStatus | None) -> bool:
    if status is None or status.state not in ALIVE_STATES or not status.pid:
        return False
    process = os_processes.find_process(status.pid)
    return process is not None and process.state != "T"


def _volume(spec: WorkloadSpec) -> Volume:
    return Volume(spec.directory, spec.name)


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _not_ready(
    spec: WorkloadSpec, reason: str, old: Properties, inputs: dict[str, Any], log_size: int
) -> str:
    log = spec.directory.log_file(spec.name)
    content = log.read_bytes() if log.exists() else b""
    # The log was rotated when it is shorter than before, and then all of it is new.
    fresh = content[log_size:] if len(content) >= log_size else content
    output = redact(fresh.decode(errors="replace"), spec.directory, inputs)
    lines = [
        f"{spec.name} did not become ready: {reason}. Its last lines:",
        last_lines(output),
        f"log: {log}; `make logs COMPONENT={spec.name}` follows it",
    ]
    software, before, now = inputs.get("software"), old.get("version"), inputs.get("version")
    if before and before != now and old.get("software") == software:
        lines.append(
            f"{software} was changed from {before} to {now}. To go back, restore {software} {before} in "
            "components/software/ and run `pulumi up`; the data is kept"
        )
    return "\n".join(lines)
