"""Prints what people read: the addresses and servers of a stack, its costs, the demo's answers, and what to
try next."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.engine import stacks
from infra.engine.errors import EngineError, UnknownComponentError
from infra.engine.session import Session
from providers.local.plugin.server_status import ServerStatus, log_path, server_statuses
from providers.terminal import show_table

LOG_LINES = 200
_ADDRESS_KEYS = ("url", "bootstrap_servers", "master")


def running(session: Session) -> None:
    """Prints the summary of `up`: the components' addresses, the demo's answers and what to try next. It has
    no secret."""
    outputs = session.outputs()
    console = Console()
    table = Table("component", "address", *(("state", "memory") if session.is_local else ()))
    every = server_statuses(session.directory) if session.is_local else []
    for component, endpoint in sorted((outputs.get("endpoints") or {}).items()):
        cells = [component, _address(endpoint)]
        if session.is_local:
            found = _of(component, every)
            cells += [", ".join(sorted({server.state for server in found})), _memory(found)]
        table.add_row(*cells)
    if table.row_count:
        show_table(table, console)
    if demo := outputs.get("demo"):
        _show_demo(console, demo)
    _show_next(console, session.stack)


def costs(session: Session, events: Sequence[str]) -> None:
    """Prints what the stack costs a month, estimated from the engine's `events`; nothing when no cloud bills
    it."""
    if session.is_local:
        return
    from infra.costs import estimate, from_events
    from infra.costs.report import show

    parked = stacks.platform(session.checkout, session.stack).get("power") == "parked"
    show(estimate(from_events(events)), Console(), parked=parked)


def servers(stack: str, directory: Path) -> None:
    """Prints the table of `make status` for the local stack `stack` in `directory`."""
    found = server_statuses(directory)
    console = Console()
    if not found:
        console.print(f"Nothing runs in stack {stack}. Start it: make up STACK={stack}", markup=False)
        return
    table = Table("server", "state", "address", "memory", "uptime")
    for server in found:
        table.add_row(
            server.name,
            server.state,
            "\n".join(f"{name} {address}" for name, address in server.addresses.items()),
            _memory([server]),
            _uptime(server.uptime),
        )
    show_table(table, console)


def pods(stack: str, platform: Mapping[str, Any]) -> None:
    """Prints the table of `make status` for a stack on a cluster, whose `nebula:platform` is `platform`.
    Raises EngineError when the cluster cannot be asked."""
    from providers.kubernetes import status

    with _asking_a_cluster():
        found = status.pods(status.Site.of(stack, platform.get("kubernetes") or {}))
    console = Console()
    if not found:
        console.print(f"Nothing runs in stack {stack}. Start it: make up STACK={stack}", markup=False)
        return
    table = Table("pod", "workload", "state", "restarts", "node", "age")
    for pod in found:
        table.add_row(pod.name, pod.workload, pod.state, str(pod.restarts), pod.node, _uptime(pod.age))
    show_table(table, console)


def pod_log(component: str, stack: str, platform: Mapping[str, Any], *, follow: bool) -> None:
    """Prints the last LOG_LINES lines of the log of a workload's newest pod, and goes on as it grows with
    `follow`. Raises EngineError when the cluster cannot be asked."""
    from providers.kubernetes import status

    site = status.Site.of(stack, platform.get("kubernetes") or {})
    with _asking_a_cluster():
        for piece in status.log(site, component, follow=follow, lines=LOG_LINES):
            print(piece, end="")


@contextmanager
def _asking_a_cluster() -> Iterator[None]:
    from providers.kubernetes.status import ClusterError

    try:
        yield
    except ClusterError as error:
        raise EngineError(str(error)) from error


def log_of(component: str, directory: Path) -> Path:
    """Returns the log file of the server or task `component` in a local stack's `directory`. Raises
    UnknownComponentError when there is none."""
    path = log_path(directory, component)
    if not component or not path.exists():
        raise UnknownComponentError(component, sorted(log.stem for log in path.parent.glob("*.log")))
    return path


def _of(component: str, found: Sequence[ServerStatus]) -> list[ServerStatus]:
    return [server for server in found if server.name == component or server.name.startswith(f"{component}-")]


def _address(endpoint: Mapping[str, Any]) -> str:
    for key in _ADDRESS_KEYS:
        if key in endpoint:
            return str(endpoint[key])
    if "urls" in endpoint:
        # A projection has an address for each view and shard.
        return "\n".join(str(url) for shards in endpoint["urls"].values() for url in shards.values())
    return f"{endpoint.get('host', '')}:{endpoint.get('port', '')}"


def _memory(found: Sequence[ServerStatus]) -> str:
    return f"{sum(server.memory for server in found) / 2**20:,.0f} MiB" if found else ""


def _uptime(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def _show_demo(console: Console, demo: Mapping[str, Any]) -> None:
    """Prints the flights pipeline's result (apps/pipelines/flights/README.md), each answer as a table."""
    console.print(f"\nFlights pipeline: {demo['flights']:,} flights from CSV files through Iceberg tables.")
    for answer in demo["answers"]:
        # Words, so that a narrow terminal breaks a name rather than cutting it off.
        names = (name.replace("_", " ") for name in answer["columns"])
        table = Table(*names, title=answer["question"], title_justify="left")
        for row in answer["rows"]:
            table.add_row(*("" if cell is None else str(cell) for cell in row))
        show_table(table, console)


def _show_next(console: Console, stack: str) -> None:
    suffix = "" if stack == stacks.LOCAL else f" STACK={stack}"
    lines = (
        ("what runs", f"make status{suffix}"),
        ("a server's log", f"make logs{suffix} COMPONENT=trino"),
        ("addresses and passwords", f"make -s outputs{suffix}"),
        ("plain pulumi in this shell", f'eval "$(make -s env{suffix})"; pulumi preview --stack {stack}'),
        ("stop and remove it all", f"make down{suffix}"),
    )
    console.print("\nNext:")
    for what, command in lines:
        console.print(f"  {what:<28}{command}", markup=False, highlight=False, soft_wrap=True)
