"""The Pulumi resources of the local plugin (`providers/local/plugin/`), as the Pulumi program creates them.

Input properties are named in camelCase, as the plugin reads them. Every path is absolute. The properties
`command`, `env`, `files` and `prepare` are templates (components/templates.py) that the plugin renders.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

PACKAGE = "nebula-local"


class Plugin(pulumi.ProviderResource):
    """The Pulumi provider that every local resource is created with."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(PACKAGE, name, {}, opts)


class Host(pulumi.CustomResource):
    """The stack's directory and its supervisord. Every other local resource depends on it.

    `directory` is the absolute path of the stack's directory; `providers/local/plugin/ownership.py` checks
    that it belongs to this stack. `ports` maps `<workload>.<port>` to each TCP port that the stack will
    listen on; all are checked before a server starts. With `keep_data`, a delete leaves data and secrets in
    place. With `parked`, neither the servers nor supervisord run.
    """

    directory: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        directory: pulumi.Input[str],
        ports: Mapping[str, int],
        keep_data: bool,
        parked: bool,
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs: dict[str, Any] = {
            "directory": directory,
            "ports": ports,
            "keepData": keep_data,
            "parked": parked or None,
        }
        super().__init__(f"{PACKAGE}:index:Host", name, inputs, opts)


class Artifact(pulumi.CustomResource):
    """Software that is downloaded, verified against the lock and unpacked into the shared cache.

    `parts` are the rows that `providers.local.artifacts.locked_parts` returns, `cache` is the absolute path
    of the cache. Output `home` is the directory `<cache>/software/<software>-<version>-<digest>`.
    """

    home: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        software: str,
        version: str,
        parts: Sequence[Mapping[str, Any]],
        cache: str,
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs: dict[str, Any] = {
            "software": software,
            "version": version,
            "parts": parts,
            "cache": cache,
            "home": None,
        }
        super().__init__(f"{PACKAGE}:index:Artifact", name, inputs, opts)


class Process(pulumi.CustomResource):
    """A server that supervisord keeps running.

    Among `inputs`, `homes` maps `home` and `home.<software>` to directories of software, `ports` maps port
    names to numbers, and `readiness` is `{kind: http|tcp|command, port, path, status, command, deadline}`
    with `deadline` in seconds. The server restarts when a value of `triggers` changes. With `parked` it is
    stopped and keeps its volume. Output `volume` is the identity of its data volume, or empty without one.
    """

    volume: pulumi.Output[str]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(f"{PACKAGE}:index:Process", name, {**inputs, "name": name, "volume": None}, opts)


class Task(pulumi.CustomResource):
    """A command that runs to completion. Output `result` is the JSON object that it wrote.

    With `parked` it does not run. When `parked` is removed it runs, unless it already ran with the same
    inputs.
    """

    result: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(f"{PACKAGE}:index:Task", name, {**inputs, "name": name, "result": None}, opts)


class Secret(pulumi.CustomResource):
    """A random secret of `length` letters and digits.

    Its `value` is encrypted in Pulumi's state, and is also kept in a file that only the stack's user can
    read.
    """

    value: pulumi.Output[str]

    def __init__(
        self, name: str, *, directory: pulumi.Input[str], length: int, opts: pulumi.ResourceOptions
    ) -> None:
        inputs: dict[str, Any] = {"name": name, "directory": directory, "length": length, "value": None}
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["value"]))
        super().__init__(f"{PACKAGE}:index:Secret", name, inputs, opts)
