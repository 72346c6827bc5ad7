"""Parks a stack: its cluster keeps everything and runs nothing."""

from dataclasses import replace

import pulumi

from components.base import (
    Address,
    Cluster,
    ExecutorTemplate,
    Finished,
    HostPort,
    Program,
    Running,
    Task,
    Workload,
)


class ParkedCluster:
    """Wraps a cluster so that workloads keep their volumes, names and secrets and do not run, and tasks
    wait.

    Without the wrapper, the same program starts all of them again as they were.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @property
    def security_group(self) -> pulumi.Input[str]:
        return self._cluster.security_group

    def run(self, workload: Workload, parent: pulumi.Resource) -> Running:
        return self._cluster.run(replace(workload, parked=True), parent)

    def run_task(self, task: Task, parent: pulumi.Resource) -> Finished:
        return self._cluster.run_task(replace(task, parked=True), parent)

    def executor_template(self, template: Program, parent: pulumi.Resource) -> ExecutorTemplate | None:
        return self._cluster.executor_template(template, parent)

    def address(self, workload: str, port: str, number: int) -> Address:
        return self._cluster.address(workload, port, number)

    def outside(self, workload: str, number: int, replica: int) -> HostPort | None:
        return self._cluster.outside(workload, number, replica)
