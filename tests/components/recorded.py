"""A cluster that runs nothing and keeps what it was asked to run, with every output resolved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pulumi
from pulumi.runtime import mocks

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
from components.endpoints import NetworkEndpoint
from components.foundation import Foundation
from components.sizing import Size
from infra.declared import SIZES
from tests.mocked_program import run_program


@dataclass
class RecordingCluster:
    """Keeps the programs that it is asked to run.

    `files` has the contents by the program's name, plain and secret. `open_texts` has the words of its
    command, its environment and its plain files, which anybody may read.
    """

    executors: ExecutorTemplate | None = None
    security_group: str = "sg-nodes"
    programs: dict[str, Program] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    open_texts: dict[str, list[str]] = field(default_factory=dict)

    def run(self, workload: Workload, parent: pulumi.Resource) -> Running:
        self._keep(workload)
        addresses = {name: self.address(workload.name, name, port) for name, port in workload.ports.items()}
        return Running(parent, pulumi.Output.from_input(""), addresses)

    def run_task(self, task: Task, parent: pulumi.Resource) -> Finished:
        self._keep(task)
        return Finished(parent, pulumi.Output.from_input({}))

    def executor_template(self, template: Program, parent: pulumi.Resource) -> ExecutorTemplate | None:
        self._keep(template)
        return self.executors

    def address(self, workload: str, port: str, number: int) -> Address:
        here = HostPort(pulumi.Output.from_input(workload), pulumi.Output.from_input(number))
        return Address(inside=here, outside=here)

    def outside(self, workload: str, number: int, replica: int) -> HostPort | None:
        return None

    def _keep(self, program: Program) -> None:
        self.programs[program.name] = program
        contents = self.files.setdefault(program.name, {})
        for path, text in {**program.files, **program.secret_files}.items():
            pulumi.Output.from_input(text).apply(partial(contents.__setitem__, path))
        texts = self.open_texts.setdefault(program.name, [])
        for text in (*program.command, *program.env.values(), *program.files.values()):
            pulumi.Output.from_input(text).apply(texts.append)

    def links(self, program: str) -> set[tuple[str, tuple[str, ...]]]:
        """The components that a program is linked to, and the ports of each."""
        return {(link.target.component, link.ports) for link in self.programs[program].links}

    def workload(self, name: str) -> Workload:
        """The workload `name`. Raises AssertionError for a task."""
        program = self.programs[name]
        assert isinstance(program, Workload)
        return program


class Minted:
    """Secrets that say what they are of."""

    def random(self, name: str, parent: pulumi.Resource, length: int = 32) -> pulumi.Output[str]:
        return pulumi.Output.secret(f"secret-of-{name}")


def foundation(cluster: Cluster, size: Size = "laptop") -> Foundation:
    """Returns the foundation of a component at `size`, with `cluster` to run it."""
    return Foundation(
        cluster=cluster,
        secrets=Minted(),
        sizing=SIZES[size],
        network=NetworkEndpoint(component="network"),
    )


class _Nothing(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program calls {args.token}, which nothing mocks")


def recorded(
    program: Callable[[RecordingCluster], None], executors: Callable[[], ExecutorTemplate] | None = None
) -> RecordingCluster:
    """What `program` asked its cluster to run."""
    clusters: list[RecordingCluster] = []

    def whole() -> None:
        clusters.append(RecordingCluster(executors() if executors else None))
        program(clusters[0])

    run_program(whole, stand_in=lambda _: _Nothing())
    return clusters[0]


def properties(text: str) -> Mapping[str, str]:
    """A `.properties` file."""
    found = (line.partition("=") for line in text.splitlines() if line)
    return {name: value for name, _, value in found}
