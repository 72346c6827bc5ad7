import os
import subprocess
import sys

from tests.bench import processor_time
from tests.bench.warm_up import Timeline, figures

AFTER = {"Process::b": ["Task::fill"], "Task::fill": ["Process::a"], "Process::a": []}


def timeline() -> Timeline:
    return Timeline(
        seconds=20.0,
        began={"Process::a": 0.5, "Task::fill": 5.0, "Process::b": 8.0},
        done={"Process::a": 5.0, "Task::fill": 8.0, "Process::b": 15.0},
        launched={"Process::a": 1.0, "Process::b": 9.0},
        processor={"Process::a": 6.0, "Process::b": 8.0},
        commands=10.0,
    )


def test_a_start_is_counted_from_the_execution_of_the_server() -> None:
    assert timeline().starts() == {"Process::a": 4.0, "Process::b": 6.0}
    assert timeline().runs() == {"Task::fill": 3.0}


def test_the_bound_of_the_servers_leaves_tasks_out() -> None:
    servers, with_tasks = figures(timeline(), AFTER, cores=2)
    assert (servers.name, servers.against, servers.ratio, servers.holds) == ("up.warm", 10.0, 2.0, False)
    assert (with_tasks.name, with_tasks.against, with_tasks.holds) == ("up.warm_with_tasks", 13.0, None)


def test_the_bound_is_the_processors_when_they_are_scarce() -> None:
    servers, with_tasks = figures(timeline(), AFTER, cores=1)
    assert (servers.against, with_tasks.against) == (14.0, 24.0)


def test_a_process_began_after_the_machine_and_before_now() -> None:
    assert 0 < processor_time.started(os.getpid()) <= processor_time.now()


def test_the_processor_time_of_ended_children_is_counted() -> None:
    before = processor_time.of_tree(os.getpid())
    spin = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-c", spin], check=True)
    # /proc counts in ticks of 10 ms.
    assert processor_time.of_tree(os.getpid()) - before > 0.15
