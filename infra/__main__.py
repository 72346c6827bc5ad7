"""The Pulumi program: it reads the settings, picks the provider that they name, and builds the platform
on it."""

import sys
from datetime import UTC, datetime
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent
# Pulumi runs `main: infra` with infra/ on the path; the project's modules are found from its root.
sys.path[:] = [str(_ROOT), *(entry for entry in sys.path if Path(entry or ".").resolve() != _HERE)]

import pulumi

from infra.cloud import provider_of
from infra.construction import Construction
from infra.engine.preflight import PreflightError, check_paths
from infra.settings import SettingsError, parse
from infra.stack_file import StackFile, check_name
from infra.ttl import overdue
from providers.local.paths import cache_directory


def main() -> None:
    try:
        check_name(pulumi.get_stack())
        check_paths(_ROOT, cache_directory())
        stack_file = StackFile(_ROOT / "stacks" / f"Pulumi.{pulumi.get_stack()}.yaml")
        settings = parse(pulumi.Config("nebula").get("platform"), stack_file)
        if warning := overdue(settings.ttl, datetime.now(UTC).date()):
            pulumi.log.warn(warning)
        Construction(settings, provider_of(settings, _ROOT), stack_file).export()
    except (SettingsError, PreflightError) as error:
        raise pulumi.RunError(str(error)) from None


main()
