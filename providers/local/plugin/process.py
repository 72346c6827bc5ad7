"""The Process: a supervised server with its files, its volume and its readiness."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from providers.local.plugin import accounts, orphans, processes, readiness
from providers.local.plugin.commands import Command
from providers.local.plugin.errors import CommandError, NotReadyError, SupervisorError
from providers.local.plugin.layout import StackDirectory, read_json, remove_tree
from providers.local.plugin.properties import UNKNOWN, Properties, differences, has_unknown
from providers.local.plugin.removal import keep_data
from providers.local.plugin.resource import Changes, Failure, Surroundings, name_failures, with_drift
from providers.local.plugin.secrecy import last_lines, redact
from providers.local.plugin.spec import Spec, spec_of, template_problem
from providers.local.plugin.supervisor import ALIVE, RESTARTING, Status
from providers.local.plugin.volume import Volume

_PREPARE_SECONDS = 600.0
_RESTART_SECONDS = 4.0
_REPLACING = ("name", "directory")


class Process:
    """Resource type Process."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings

    def check(self, urn: str, inputs: Properties) -> list[Failure]:
        failures = name_failures(inputs)
        if problem := template_problem(inputs):
            failures.append(Failure("command", problem))
        if inputs.get("unprivileged") and not has_unknown(inputs["directory"]):
            problems = (accounts.problem(), accounts.passage_problem(Path(inputs["directory"])))
            failures += [Failure("unprivileged", problem) for problem in problems if problem]
        probe = inputs.get("readiness") or {}
        if probe.get("kind") not in {"http", "tcp", "command"}:
            failures.append(Failure("readiness.kind", f"{probe.get('kind')!r} is none of http, tcp, command"))
        elif probe["kind"] != "command" and probe.get("port") not in (inputs.get("ports") or {}):
            failures.append(Failure("readiness.port", f"{probe.get('port')!r} is none of the server's ports"))
        return failures

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Changes:
        changes = Changes(inputs=differences(old, inputs))
        changes.replace = [key for key in _REPLACING if key in changes.inputs]
        changes.reality = self._drift(state, old)
        return changes

    def _drift(self, state: Properties, old: Properties) -> list[str]:
        spec = spec_of(old)
        if spec.parked:
            return self._parked_drift(spec, state)
        drift = []
        if not self._running(spec):
            drift.append("state")
        if not spec.on_disk():
            drift.append("files")
        if old.get("hasVolume") and _volume(spec).identity() != (state.get("volume") or "none"):
            drift.append("volume")
        return drift

    def _parked_drift(self, spec: Spec, state: Properties) -> list[str]:
        """What runs although it is parked, and a volume that was not kept."""
        runs = _up(self._around.supervisor(spec.directory).statuses().get(spec.name))
        drift = ["state"] if runs else []
        if (state.get("volume") or "") != (_volume(spec).identity() or ""):
            drift.append("volume")
        return drift

    def _running(self, spec: Spec) -> bool:
        """Whether the server runs, giving supervisord the seconds that a restart takes."""
        supervisor = self._around.supervisor(spec.directory)
        status = supervisor.statuses().get(spec.name)
        waited = 0.0
        while status and _restarting(status) and waited < _RESTART_SECONDS:
            self._around.engine.pause(0.1, f"{spec.name} restarts")
            waited += 0.1
            status = supervisor.status(spec.name)
        return _up(status)

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
        self._around.enter(directory, urn)
        accounts.ensure(bool(inputs.get("unprivileged")))
        spec = spec_of(inputs)
        name = spec.name
        supervisor = self._around.supervisor(directory)
        if spec.parked:
            return self._park(spec, inputs)
        if not supervisor.alive():
            raise SupervisorError(
                f"{name}: supervisord of {directory.root} is dead; `pulumi up` starts it again"
            )
        log_size = _size(directory.log(name))
        if not self._is_current(spec, inputs):
            self._stop(spec.directory, name)
            spec.write_files()
            if inputs.get("hasVolume"):
                self._have_volume(urn, spec, inputs)
            spec.write_launch()
            supervisor.put(name, spec.stop_signal, spec.stop_seconds)
            log_size = _size(directory.log(name))
            supervisor.start_program(name)
        self._wait(urn, spec, old, inputs, log_size)
        volume = _volume(spec).identity() if inputs.get("hasVolume") else ""
        return {"name": name, "directory": str(directory.root), "volume": volume}

    def _park(self, spec: Spec, inputs: Properties) -> Properties:
        """Stop the server for good, and leave its volume, its files and what the status reads."""
        self._stop(spec.directory, spec.name)
        self._around.supervisor(spec.directory).remove(spec.name)
        spec.write_launch()
        volume = _volume(spec).identity() if inputs.get("hasVolume") else ""
        return {"name": spec.name, "directory": str(spec.directory.root), "volume": volume or ""}

    def _is_current(self, spec: Spec, inputs: Properties) -> bool:
        """Whether the very server that `inputs` describe runs already."""
        identity = orphans.recorded(spec.directory, spec.name)
        if identity is None:
            return False
        status = self._around.supervisor(spec.directory).status(spec.name)
        record = read_json(spec.directory.record(spec.name))
        return (
            _up(status)
            and status is not None
            and identity.pid == status.pid
            and record.get("digest") == spec.digest
            and spec.on_disk()
            and (not inputs.get("hasVolume") or bool(_volume(spec).identity()))
        )

    def _stop(self, directory: StackDirectory, name: str) -> None:
        """Stop the server and whatever else runs for it."""
        if directory.root in self._around.swept and not directory.spec(name).exists():
            return  # it never ran here, and there were no orphans when this run began
        supervisor = self._around.supervisor(directory)
        if supervisor.alive():
            supervisor.stop_program(name, float(read_json(directory.spec(name)).get("stopSeconds", 10)))
        orphans.end_orphans(directory, supervisor, name)

    def _have_volume(self, urn: str, spec: Spec, inputs: Properties) -> None:
        volume = _volume(spec)
        if volume.identity():
            volume.settle()
        else:
            self._initialise(urn, spec, inputs)
        volume.give_to(spec.account)

    def _initialise(self, urn: str, spec: Spec, inputs: Properties) -> None:
        def prepare() -> None:
            for template in inputs.get("prepare") or []:
                self._prepare(urn, spec, inputs, spec.command(template))

        if moved := _volume(spec).initialise(spec.account, prepare):
            self._around.engine.warn(
                urn, f"{spec.name} has a new, empty volume; files without identity were moved to {moved}"
            )

    def _prepare(self, urn: str, spec: Spec, inputs: Properties, argv: list[str]) -> None:
        step = argv[0].rpartition("/")[2]
        self._around.engine.status(urn, f"preparing the volume: {step}")
        log = spec.directory.log(f"{spec.name}.prepare")
        log.unlink(missing_ok=True)
        command = Command(argv, spec.environment(), spec.run, log, _PREPARE_SECONDS, spec.account)
        status = self._around.commands.run(command, f"preparing the volume of {spec.name}")
        if status != 0:
            output = redact(log.read_text(errors="replace"), spec.directory, inputs)
            raise CommandError(
                f"{spec.name}: preparing its volume failed: {step} ended with {status}; log: {log}\n"
                f"{last_lines(output)}\n`pulumi up` tries again, on an empty volume"
            )

    def _wait(self, urn: str, spec: Spec, old: Properties, inputs: Properties, log_size: int) -> None:
        config = inputs["readiness"]
        supervisor = self._around.supervisor(spec.directory)
        probe, what = readiness.probe_of(spec, config, self._around.commands)
        deadline = float(config.get("deadline") or 180)
        reason = readiness.wait(spec, probe, what, deadline, supervisor, self._around.engine, urn)
        if reason is None:
            return
        with suppress(SupervisorError):  # it is gone: the reason says so
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
        self._around.enter(directory, urn)
        self._stop(directory, name)
        self._around.supervisor(directory).remove(name)
        remove_tree(directory.run(name))
        if not keep_data(directory):
            Volume(directory, name).remove()
        for stem in (name, f"{name}.prepare", f"{name}.probe"):
            for log in directory.log(name).parent.glob(f"{stem}.log*"):
                log.unlink(missing_ok=True)
        directory.spec(name).unlink(missing_ok=True)
        directory.record(name).unlink(missing_ok=True)


def _restarting(status: Status) -> bool:
    """Whether supervisord is about to start the server again, or has yet to notice that it ended."""
    return status.state in RESTARTING or (status.pid > 0 and processes.look(status.pid) is None)


def _up(status: Status | None) -> bool:
    if status is None or status.state not in ALIVE or not status.pid:
        return False
    process = processes.look(status.pid)
    return process is not None and process.state != "T"


def _volume(spec: Spec) -> Volume:
    return Volume(spec.directory, spec.name)


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _not_ready(spec: Spec, reason: str, old: Properties, inputs: dict[str, Any], log_size: int) -> str:
    log = spec.directory.log(spec.name)
    content = log.read_bytes() if log.exists() else b""
    # A rotated log is shorter than it was: all of it is new.
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
