"""The resource type Artifact: software in the shared cache, installed by `providers.local.artifacts`."""

from pathlib import Path

from providers.local.plugin.errors import SoftwareError
from providers.local.plugin.properties import UNKNOWN, Properties, differences, has_unknown
from providers.local.plugin.resource_type import CheckFailure, PluginContext, ResourceDiff, with_drift


class ArtifactType:
    """Implements the resource type Artifact. All stacks share the cache, so a delete leaves the software
    there."""

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    def check(self, urn: str, inputs: Properties) -> list[CheckFailure]:
        return []

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> ResourceDiff:
        return ResourceDiff(inputs=differences(old, inputs), drift=self._drift(state))

    def _drift(self, state: Properties) -> list[str]:
        return [] if Path(state["home"]).is_dir() else ["home"]

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        from providers.local.artifacts import home_of

        if has_unknown(inputs):
            return {"home": UNKNOWN}
        home = home_of(inputs["software"], inputs["version"], inputs["parts"], Path(inputs["cache"]))
        return {"home": str(home)}

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        # Imported here, because a preview of an installed stack does not need the download clients.
        from providers.local.artifacts import ArtifactError, install

        try:
            home = install(
                software=inputs["software"],
                version=inputs["version"],
                parts=inputs["parts"],
                cache=Path(inputs["cache"]),
                progress=lambda text: self._context.engine.show_progress(urn, text),
            )
        except ArtifactError as error:
            raise SoftwareError(str(error)) from error
        return home.name, {"home": str(home)}

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        return self.create(urn, inputs)[1]

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        return with_drift(state, self._drift(state))

    def delete(self, urn: str, state: Properties) -> None:
        """Do nothing: other stacks may use the software. `make clean` empties the cache."""
