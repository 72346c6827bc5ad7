"""`up.warm`: an `up` with everything cached, compared with the least time that its servers need."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil
from rich.console import Console
from rich.table import Table

from infra.engine import state
from infra.engine.checkout import PROJECT
from providers.local.plugin.layout import StackDirectory, read_json
from providers.local.plugin.os_processes import ProcessIdentity
from providers.terminal import show_table
from tests.bench import processor_time, schedule
from tests.bench.figures import Figure, figure
from tests.e2e.stack import EngineRun, Event, Stack, short_name

AIM = 1.25
_HELPERS = {"program.py": "program", "language_host.py": "language host", "providers.local.plugin": "plugin"}


@dataclass
class Timeline:
    """The times of one `up`, in seconds since the engine's start: when each resource began and was ready, and
    when each server was executed (`launched`). It also has the processor time, by who used it."""

    seconds: float = 0.0
    began: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    launched: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    helpers: dict[str, float] = field(default_factory=dict)
    commands: float = 0.0
    machine: float = 0.0

    def starts(self) -> dict[str, float]:
        """Return the seconds of each server's own start, from its execution until it is ready."""
        return {name: self.done[name] - launched for name, launched in self.launched.items()}

    def runs(self) -> dict[str, float]:
        """Return the seconds that each task took."""
        return {
            name: self.done[name] - began
            for name, began in self.began.items()
            if name.startswith("Task::") and name in self.done
        }


def record(stack: Stack) -> Timeline:
    """Bring the stack up, and record its timeline."""
    line, origin, machine = Timeline(), processor_time.now(), processor_time.of_machine()
    run = stack.start_up()
    try:
        for event in run.events():
            _note(line, event, stack, run, origin)
    except BaseException:
        # Nobody can take the stack down while an engine is at work on it.
        run.interrupt()
        run.wait()
        raise
    result = run.wait()
    line.seconds = processor_time.now() - origin
    line.machine = processor_time.of_machine() - machine
    assert result.returncode == 0, result.output
    return line


def _note(line: Timeline, event: Event, stack: Stack, run: EngineRun, origin: float) -> None:
    at = processor_time.now() - origin
    if begins := event.get("resourcePreEvent"):
        line.began[short_name(begins["metadata"]["urn"])] = at
    elif ended := event.get("resOutputsEvent"):
        name = short_name(ended["metadata"]["urn"])
        line.done[name] = at
        if name.startswith("Process::"):
            _note_server(line, stack, name, origin)
    else:
        return
    _note_helpers(line, run)


def _note_server(line: Timeline, stack: Stack, name: str, origin: float) -> None:
    note = StackDirectory(stack.directory).record_file(name.partition("::")[2])
    identity = ProcessIdentity.from_record(read_json(note))
    assert identity is not None, (
        f"{name} is ready, but {note} does not say which process it is: "
        f"{note.read_text() if note.exists() else sorted(note.parent.iterdir())}; {stack.servers()}"
    )
    line.launched[name] = processor_time.started(identity.pid) - origin
    line.processor[name] = processor_time.of_tree(identity.pid)


def _note_helpers(line: Timeline, run: EngineRun) -> None:
    """Record the processor time of the engine and its plugins while they live, and of the plugin's
    commands."""
    try:
        engine = psutil.Process(run.process.pid)
        line.helpers["engine"] = processor_time.of_process(engine)[0]
        for process in engine.children(recursive=True):
            words = process.cmdline()
            kind = next((kind for mark, kind in _HELPERS.items() if any(mark in word for word in words)), "")
            if kind:
                own, ended = processor_time.of_process(process)
                line.helpers[kind] = max(own, line.helpers.get(kind, 0.0))
                if kind == "plugin":
                    line.commands = max(ended, line.commands)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return


def dependencies(stack: Stack) -> dict[str, list[str]]:
    """Return the resources that each resource of the stack depends on, all as `Type::name`."""
    resources = state.deployment(stack.backend, PROJECT, stack.name)["resources"]
    return {
        short_name(row["urn"]): [short_name(urn) for urn in row.get("dependencies") or ()]
        for row in resources
    }


def figures(line: Timeline, after: Mapping[str, list[str]], cores: int) -> list[Figure]:
    """Return the figures `up.warm`, which compares with the servers' own starts, and `up.warm_with_tasks`,
    which also counts the tasks between them and the preparation of volumes. The rest is the platform's
    overhead."""
    servers = schedule.critical_path(line.starts(), after)
    every = schedule.critical_path(line.starts() | line.runs(), after)
    work = sum(line.processor.values())
    least = schedule.least_seconds(servers, work, cores)
    least_with_tasks = schedule.least_seconds(every, work + line.commands, cores)
    return [
        figure("up.warm", line.seconds, "s", least, AIM),
        figure("up.warm_with_tasks", line.seconds, "s", least_with_tasks),
    ]


def show(line: Timeline, after: Mapping[str, list[str]], cores: int, console: Console) -> None:
    """Print where the time went."""
    table = Table("server or task", "began at", "ready at", "own time", "processor", title="Warm up, s")
    own = line.starts() | line.runs()
    for name in sorted(own, key=line.done.__getitem__):
        processor = f"{line.processor[name]:.1f}" if name in line.processor else ""
        begin = line.launched.get(name, line.began[name])
        table.add_row(name, f"{begin:.1f}", f"{line.done[name]:.1f}", f"{own[name]:.1f}", processor)
    show_table(table, console)
    for title, seconds in (("servers", line.starts()), ("with tasks", own)):
        path = schedule.critical_path(seconds, after)
        console.print(f"Critical path, {title}: {path.seconds:.1f} s: {', '.join(path.steps)}")
    work = sum(line.processor.values())
    helpers = ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in line.helpers.items())
    rest = line.machine - work - line.commands - sum(line.helpers.values())
    console.print(
        f"Processor seconds on {cores} cores: servers until ready {work:.1f}; tasks and other "
        f"commands {line.commands:.1f}; {helpers}; everything else on this machine {rest:.1f}"
    )
