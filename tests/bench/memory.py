"""`memory.idle`: the memory of the whole stack while no client uses it."""

import psutil
from rich.console import Console
from rich.table import Table

from providers.local.plugin import os_processes
from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.supervisor import SUPERVISORD, Supervisor
from providers.terminal import show_table
from tests.bench.figures import Figure, figure
from tests.e2e.stack import Stack

LIMIT = 5.0
"""GiB."""
_GIB = 2**30


def measure(stack: Stack, console: Console) -> Figure:
    """Measure the proportional set size of supervisord and all its descendants, in GiB."""
    supervisord = Supervisor(StackDirectory(stack.directory)).identity()
    assert supervisord is not None, f"no supervisord of {stack.directory} runs"
    family = os_processes.with_descendants([supervisord.pid], os_processes.all_processes())
    total = sum(psutil.Process(pid).memory_full_info().pss for pid in family) / _GIB
    table = Table("server", "MiB", title="Memory of the idle stack")
    servers = {server.name: server.memory for server in stack.servers().values()}
    servers[SUPERVISORD] = int(total * _GIB) - sum(servers.values())
    for name, size in sorted(servers.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{size / 2**20:,.0f}")
    show_table(table, console)
    return figure("memory.idle", total, "GiB", LIMIT, 1.0)
