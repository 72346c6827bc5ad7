"""The local stack, and variants of it, against Pulumi's mocks."""

import json
from pathlib import Path

from infra.construction import Construction
from infra.declared import LOCAL_PORTS
from infra.projection_settings import port_indexes
from infra.settings import Settings
from infra.stack_file import StackFile
from providers.local.provider import LocalArgs, LocalProvider
from tests.infra.rendered import once
from tests.mocked_program import Run, run_program

PROCESS = "nebula-local:index:Process"
TASK = "nebula-local:index:Task"
_FILE = StackFile(Path("stacks/Pulumi.local.yaml"))


def run(preview: bool = False, **changes: object) -> Run:
    """A stack with the demo, and with `changes` to `nebula:platform`."""
    settings = Settings.model_validate_json(json.dumps({"cloud": "local", "demo": True, **changes}))

    def program() -> None:
        args = LocalArgs(
            directory=Path("/state"),
            cache=Path("/cache"),
            ports=LOCAL_PORTS,
            components=settings.self_hosted,
            port_offset=settings.local.port_offset,
            keep_data=False,
            parked=settings.power == "parked",
            port_indexes={"projections": sorted(port_indexes(settings.projections).values())},
        )
        Construction(settings, LocalProvider("local", args), _FILE).export()

    return once(("local", preview), settings, lambda: run_program(program, preview=preview))
