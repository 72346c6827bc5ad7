"""What a resource type of the plugin does: one class each, all stateless but for their surroundings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from providers.local.plugin.commands import Commands
from providers.local.plugin.engine import Engine
from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.lock import DirectoryLock
from providers.local.plugin.owner import Owner, demand
from providers.local.plugin.properties import Properties
from providers.local.plugin.supervisor import Supervisor

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,62}")


@dataclass(frozen=True)
class Failure:
    """A property that is refused, and why."""

    property: str
    reason: str


@dataclass
class Changes:
    """What differs: property path to "add", "delete" or "update". `inputs` are changes of the
    program, `reality` what was found otherwise on this machine, `replace` the paths that need a new
    resource."""

    inputs: dict[str, str] = field(default_factory=dict)
    reality: list[str] = field(default_factory=list)
    replace: list[str] = field(default_factory=list)


class Resource(Protocol):
    """One resource type. `state` are a resource's outputs as stored, `old` its inputs then and
    `inputs` those of the program now."""

    def check(self, urn: str, inputs: Properties) -> list[Failure]: ...

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Changes: ...

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        """The outputs as far as they are known before `create` (`state` is empty) or `update`."""
        ...

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        """The id and outputs. Called again for a resource that a killed engine made already."""
        ...

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties: ...

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        """The state with what was found otherwise under `drift`; None when it is gone altogether."""
        ...

    def delete(self, urn: str, state: Properties) -> None: ...


class Surroundings:
    """What the resource types share: the engine, running commands, the lock, supervisors."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.commands = Commands(engine)
        self.lock = DirectoryLock(engine)
        self.swept: set[Path] = set()
        """Directories whose orphans this plugin has ended, holding their lock since."""
        self._supervisors: dict[Path, Supervisor] = {}
        self._guard = Lock()

    def enter(self, directory: StackDirectory, urn: str) -> None:
        """Take `directory` for changes: no other engine works on it until this process ends.

        Raises NotOurOwnError when it is not the stack's of `urn`, BusyError while another engine is at work.
        """
        demand(directory, Owner.of(urn))
        self.lock.acquire(directory)
        # Whoever held the lock until now may have made the directory its own.
        demand(directory, Owner.of(urn))

    def supervisor(self, directory: StackDirectory) -> Supervisor:
        with self._guard:
            return self._supervisors.setdefault(directory.root, Supervisor(directory))


def name_failures(inputs: Mapping[str, Any]) -> list[Failure]:
    """A workload's name is part of paths and of supervisord's configuration."""
    if _NAME.fullmatch(str(inputs.get("name"))):
        return []
    return [Failure("name", f"{inputs.get('name')!r} is no name: use lower-case letters, digits, - and _")]


def with_drift(state: Properties, drift: list[str]) -> Properties:
    """`state` that says what was found otherwise, for `pulumi refresh` to show."""
    kept = {key: value for key, value in state.items() if key != "drift"}
    return {**kept, "drift": drift} if drift else kept
