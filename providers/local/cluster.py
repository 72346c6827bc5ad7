"""The local cluster: workloads as supervised processes, tasks as child processes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pulumi

from components.base import (
    Address,
    Command,
    Finished,
    HostPort,
    Program,
    Readiness,
    Running,
    Task,
    Workload,
    dependencies,
)
from components.software import TABLE, Software
from providers.local.artifacts import locked_parts
from providers.local.ports import PortTable
from providers.local.resources import Artifact, Host, Plugin, Process
from providers.local.resources import Task as TaskResource

BIND = "127.0.0.1"


class LocalCluster:
    """Runs one replica of each workload on 127.0.0.1, under the stack's supervisord."""

    def __init__(self, plugin: Plugin, host: Host, cache: Path, ports: PortTable, port_offset: int) -> None:
        self._plugin = plugin
        self._host = host
        self._cache = cache
        self._ports = ports
        self._offset = port_offset
        self._homes: dict[str, pulumi.Output[str]] = {}

    @property
    def security_group(self) -> str:
        """Empty: one machine has no security group."""
        return ""

    def address(self, workload: str, port_name: str, number: int) -> Address:
        """Returns the address on this machine, the same inside and outside. `number` is the port's
        standard number."""
        here = HostPort(
            pulumi.Output.from_input(BIND),
            pulumi.Output.from_input(self._ports.port(workload, port_name, self._offset, number)),
        )
        return Address(inside=here, outside=here)

    def outside(self, workload: str, number: int, replica: int) -> HostPort | None:
        return None

    def run(self, workload: Workload, parent: pulumi.Resource) -> Running:
        inputs = self._inputs(workload) | {
            "command": _argv(workload.software, workload.command),
            "hasVolume": workload.volume is not None,
            "prepare": [_argv(workload.software, command) for command in workload.prepare],
            "readiness": _readiness(workload.software, workload.readiness),
            "unprivileged": workload.software.unprivileged,
            "stopSignal": workload.stop_signal,
            "stopSeconds": workload.stop_seconds,
            "memory": workload.resources.memory,
        }
        process = Process(workload.name, inputs, self._options(parent, dependencies(workload.links)))
        return Running(
            resource=process,
            volume=process.volume,
            addresses={
                name: self.address(workload.name, name, number) for name, number in workload.ports.items()
            },
            java_home=inputs["homes"].get("home.java"),
        )

    def run_task(self, task: Task, parent: pulumi.Resource) -> Finished:
        inputs = self._inputs(task) | {
            "command": _argv(task.software, task.command),
            "timeout": task.timeout,
        }
        resource = TaskResource(task.name, inputs, self._options(parent, dependencies(task.links)))
        return Finished(resource=resource, result=resource.result)

    def executor_template(self, template: Program, parent: pulumi.Resource) -> None:
        """Returns None: a process starts no replicas of another program."""

    def _inputs(self, program: Program) -> dict[str, Any]:
        software = program.software
        homes = {"home": self._home(software)}
        homes |= {f"home.{used.name}": self._home(used) for used in program.uses}
        env: dict[str, pulumi.Input[str]] = dict(software.environment)
        releases = {java for used in (software, *program.uses) if (java := used.java) is not None}
        if releases:
            homes["home.java"] = self._home(TABLE[f"java-{min(releases)}"])
            homes["java"] = pulumi.Output.concat(homes["home.java"], "/bin/java")
            env["JAVA_HOME"] = "{home.java}"
        return {
            "directory": self._host.directory,
            "software": software.name,
            "version": software.version,
            "homes": homes,
            "env": env | dict(program.env),
            "secretEnv": _secret(program.secret_env),
            "files": dict(program.files),
            "secretFiles": _secret(program.secret_files),
            **({"binaryFiles": dict(program.binary_files)} if program.binary_files else {}),
            "ports": {
                name: self._ports.port(program.name, name, self._offset, number)
                for name, number in program.ports.items()
            },
            "bind": BIND,
            "triggers": dict(program.triggers),
            "parked": program.parked or None,
        }

    def _home(self, software: Software) -> pulumi.Output[str]:
        if software.name not in self._homes:
            artifact = Artifact(
                software.name,
                software=software.name,
                version=software.version,
                parts=locked_parts(software),
                cache=str(self._cache),
                opts=self._options(self._host, []),
            )
            self._homes[software.name] = artifact.home
        return self._homes[software.name]

    def _options(
        self, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource]
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=parent, provider=self._plugin, depends_on=[self._host, *depends_on]
        )


def _argv(software: Software, command: Sequence[pulumi.Input[str]]) -> list[pulumi.Input[str]]:
    executable, *arguments = command
    return [*software.executable(str(executable)).distribution, *arguments]


def _readiness(software: Software, readiness: Readiness) -> dict[str, Any]:
    probe = readiness.probe
    fields: dict[str, Any] = asdict(probe)
    if isinstance(probe, Command):
        fields["command"] = _argv(software, probe.command)
    return {"kind": type(probe).__name__.lower(), "deadline": readiness.deadline, **fields}


def _secret(values: Mapping[str, pulumi.Input[str]]) -> pulumi.Input[Mapping[str, Any]]:
    return {name: pulumi.Output.secret(value) for name, value in values.items()}
