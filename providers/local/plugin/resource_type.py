"""The protocol that the plugin's resource types implement, and the context that they share.

Each resource type is one class, which keeps no state except for the context.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from providers.local.plugin.command_runner import CommandRunner
from providers.local.plugin.directory_lock import DirectoryLock
from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.ownership import Owner, require_ownership
from providers.local.plugin.properties import Properties
from providers.local.plugin.supervisor import Supervisor

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,62}")


@dataclass(frozen=True)
class CheckFailure:
    """Says why the value of an input property is refused."""

    property: str
    reason: str


@dataclass
class ResourceDiff:
    """Lists how a resource differs from its stored state.

    `inputs` maps the path of each property that the program changed to "add", "delete" or "update". `drift`
    names what changed on this machine without the program. `replace` are the paths whose change needs a new
    resource.
    """

    inputs: dict[str, str] = field(default_factory=dict)
    drift: list[str] = field(default_factory=list)
    replace: list[str] = field(default_factory=list)


class ResourceType(Protocol):
    """The operations of one resource type, called by the engine.

    `urn` identifies the resource, `state` are its outputs in Pulumi's state, `old` the inputs that they were
    made with, and `inputs` the inputs that the program has now. Operations raise PluginError when they fail.
    """

    def check(self, urn: str, inputs: Properties) -> list[CheckFailure]:
        """Return the inputs that are refused. Changes nothing."""
        ...

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> ResourceDiff:
        """Compare the program's inputs and this machine with the state. Changes nothing."""
        ...

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        """Return the outputs that are known before `update`, or before `create` when `state` is empty."""
        ...

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        """Create the resource, and return its id and outputs.

        After an engine was killed, this is called for a resource that exists already.
        """
        ...

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        """Change the resource to `inputs`, repair its drift, and return its outputs."""
        ...

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        """Return the state, with differences on this machine under `drift`, or None when the resource is
        gone."""
        ...

    def delete(self, urn: str, state: Properties) -> None:
        """Delete the resource. Does nothing when it is gone already."""
        ...


class PluginContext:
    """The objects that the resource types share: engine client, command runner, directory lock,
    supervisors."""

    def __init__(self, engine: EngineClient) -> None:
        self.engine = engine
        self.command_runner = CommandRunner(engine)
        self.directory_lock = DirectoryLock(engine)
        self.orphans_ended: set[Path] = set()
        """The stack directories whose orphans this plugin has ended. It has held their locks since."""
        self._supervisors: dict[Path, Supervisor] = {}
        self._guard = Lock()

    def begin_changes(self, directory: StackDirectory, urn: str) -> None:
        """Lock `directory` until this process ends. Every operation calls this before it changes something
        there.

        Raises NotOwnedError when the directory does not belong to the stack that `urn` names, and BusyError
        while another engine is changing it.
        """
        require_ownership(directory, Owner.from_urn(urn))
        self.directory_lock.acquire(directory)
        # The previous holder of the lock may have taken the directory over.
        require_ownership(directory, Owner.from_urn(urn))

    def supervisor(self, directory: StackDirectory) -> Supervisor:
        """Return the one Supervisor object of `directory`."""
        with self._guard:
            return self._supervisors.setdefault(directory.root, Supervisor(directory))


def check_name(inputs: Mapping[str, Any]) -> list[CheckFailure]:
    """Return a failure when the input `name` cannot be part of paths and of supervisord's configuration."""
    if _NAME.fullmatch(str(inputs.get("name"))):
        return []
    return [
        CheckFailure(
            "name",
            f"{inputs.get('name')!r} is not a valid name: start with a lower-case letter, and use "
            "lower-case letters, digits, - _ and .",
        )
    ]


def with_drift(state: Properties, drift: list[str]) -> Properties:
    """Return `state` with the differences on this machine under `drift`, which `pulumi refresh` shows."""
    kept = {key: value for key, value in state.items() if key != "drift"}
    return {**kept, "drift": drift} if drift else kept
