"""What the engine would plan for a local stack that stands, when its program changes.

The program runs against mocks twice. In the second run, a resource that does not differ keeps its outputs; a
changed one has the outputs that the plugin foretells. A changed task's result is unknown, for example, and
reaches the resources that take it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pulumi.runtime import mocks

from infra.cloud import provider_of
from infra.construction import Construction
from infra.settings import Settings
from infra.stack_file import StackFile
from providers.local.plugin.artifact import ArtifactType
from providers.local.plugin.properties import differences
from providers.local.plugin.resource_type import PluginContext, ResourceType
from providers.local.plugin.secret import SecretType
from providers.local.plugin.task import TaskType
from tests.mocked_program import LocalPlugin, run_program

CHECKOUT = Path(__file__).parents[2]
TEMPLATE = CHECKOUT / "stacks" / "Pulumi.local.template.yaml"
_NOBODY = cast(PluginContext, None)
_FORETELLING: Mapping[str, ResourceType] = {
    "nebula-local:index:Artifact": ArtifactType(_NOBODY),
    "nebula-local:index:Secret": SecretType(_NOBODY),
    "nebula-local:index:Task": TaskType(_NOBODY),
}
"""Types whose preview does not look at the machine. A changed server keeps its outputs: its volume stays."""
_REPLACED = frozenset({"nebula-local:index:Secret"})
"""Types that are made anew whatever differs; the others, when their name or directory does."""
_REPLACING = frozenset({"name", "directory"})
Key = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """A stack that stands: what each resource was given, and what came of it."""

    inputs: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    outputs: dict[Key, Mapping[str, Any]] = field(default_factory=dict)

    def changes(self, now: "Standing") -> dict[str, str]:
        """`Type::name` to the operation, for each of the plugin's resources that `now` changes."""
        found: dict[str, str] = {}
        for kind, name in sorted(self.inputs.keys() | now.inputs.keys()):
            if not kind.startswith("nebula-local:"):
                continue
            old, new = self.inputs.get((kind, name)), now.inputs.get((kind, name))
            if operation := _operation(kind, old, new):
                found[f"{kind.rpartition(':')[2]}::{name}"] = operation
        return found


def _operation(kind: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None or new is None:
        return "delete" if new is None else "create"
    differing = differences(old, new)
    if not differing:
        return ""
    return "replace" if kind in _REPLACED or _REPLACING & differing.keys() else "update"


class _Plugin(LocalPlugin):
    """Records in `now` what is registered; outputs are those of a stack that is `before`."""

    def __init__(self, before: Standing, now: Standing) -> None:
        super().__init__(preview=False)
        self._before, self._now = before, now

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        key = (args.typ, args.name)
        made, outputs = super().new_resource(args)
        old, state = dict(self._before.inputs.get(key, {})), dict(self._before.outputs.get(key, {}))
        if state and not differences(old, args.inputs):
            outputs = state
        elif self._before.inputs and (kind := _FORETELLING.get(args.typ)):
            outputs |= kind.preview("", state, old, args.inputs)
        self._now.inputs[key], self._now.outputs[key] = dict(args.inputs), outputs
        return made, outputs


def stand(settings: Mapping[str, Any], before: Standing | None = None) -> Standing:
    """The local stack that `nebula:platform` says, or the plan of that over one that stands."""
    chosen = Settings.model_validate_json(json.dumps({**settings, "cloud": "local"}))
    now = Standing()

    def program() -> None:
        Construction(chosen, provider_of(chosen, CHECKOUT), StackFile(TEMPLATE)).export()

    run_program(program, stand_in=lambda _: _Plugin(before or Standing(), now))
    return now
