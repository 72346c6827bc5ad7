"""The Artifact: software in the shared cache, fetched and verified by `providers.local.artifacts`."""

from pathlib import Path

from providers.local.plugin.errors import SoftwareError
from providers.local.plugin.properties import UNKNOWN, Properties, differences, has_unknown
from providers.local.plugin.resource import Changes, Failure, Surroundings, with_drift


class Artifact:
    """Resource type Artifact. Its output is shared by all stacks: delete leaves it in the cache."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings

    def check(self, urn: str, inputs: Properties) -> list[Failure]:
        return []

    def diff(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Changes:
        return Changes(inputs=differences(old, inputs), reality=self._drift(state))

    def _drift(self, state: Properties) -> list[str]:
        return [] if Path(state["home"]).is_dir() else ["home"]

    def preview(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        from providers.local.artifacts import home_of

        if has_unknown(inputs):
            return {"home": UNKNOWN}
        home = home_of(inputs["software"], inputs["version"], inputs["parts"], Path(inputs["cache"]))
        return {"home": str(home)}

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        # Imported here: a preview of an installed stack has no use for its download clients.
        from providers.local.artifacts import ArtifactError, install

        try:
            home = install(
                software=inputs["software"],
                version=inputs["version"],
                parts=inputs["parts"],
                cache=Path(inputs["cache"]),
                progress=lambda text: self._around.engine.progress(urn, text),
            )
        except ArtifactError as error:
            raise SoftwareError(str(error)) from error
        return home.name, {"home": str(home)}

    def update(self, urn: str, state: Properties, old: Properties, inputs: Properties) -> Properties:
        return self.create(urn, inputs)[1]

    def read(self, state: Properties, inputs: Properties) -> Properties | None:
        return with_drift(state, self._drift(state))

    def delete(self, urn: str, state: Properties) -> None:
        """Nothing: `make clean` empties the cache."""
