"""The resources of the local plugin (`providers/local/plugin/`), as the program sees them.

Property names on the wire are these, in camelCase. Every path is absolute; commands, env, files and
prepare are templates (components/templates.py) that the plugin renders.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

PACKAGE = "nebula-local"


class Plugin(pulumi.ProviderResource):
    """The explicit provider that every local resource carries."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(PACKAGE, name, {}, opts)


class Host(pulumi.CustomResource):
    """The stack's directory and its supervisord; every other resource depends on it.

    `directory` is the stack's directory (whose it is follows from the stack and the clone: see
    `providers/local/plugin/owner.py`), `ports` maps `<workload>.<port>` to each port that the stack will
    listen on (checked before anything starts), `keepData` keeps data and secrets on delete. `parked`,
    nothing runs, supervisord neither.
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
    """Software fetched, verified against the lock and unpacked into the shared cache.

    `parts` are the rows that `providers.local.artifacts.locked_parts` gives. Output `home` is the
    directory `<cache>/software/<software>-<version>-<digest>`.
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
    """A supervised server. Output `volume` is the identity of its data volume, empty without one.

    `homes` holds `home` and `home.NAME`; `ports` the real numbers; `readiness` is
    `{kind: http|tcp|command, port, path, status, command, deadline}`; it starts again when one of
    `triggers` changes. `parked`, it is stopped and keeps its volume.
    """

    volume: pulumi.Output[str]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(f"{PACKAGE}:index:Process", name, {**inputs, "name": name, "volume": None}, opts)


class Task(pulumi.CustomResource):
    """A command run to completion. Output `result` is the JSON object that it wrote. `parked`, it does not
    run; once it is not, it runs if it had not, or if anything of it has changed since."""

    result: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(f"{PACKAGE}:index:Task", name, {**inputs, "name": name, "result": None}, opts)


class Secret(pulumi.CustomResource):
    """A random secret, in the state encrypted and in a file that only its owner reads."""

    value: pulumi.Output[str]

    def __init__(
        self, name: str, *, directory: pulumi.Input[str], length: int, opts: pulumi.ResourceOptions
    ) -> None:
        inputs: dict[str, Any] = {"name": name, "directory": directory, "length": length, "value": None}
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["value"]))
        super().__init__(f"{PACKAGE}:index:Secret", name, inputs, opts)
