"""Software on a machine without containers: fetched by the ordinary package clients, verified against
the lock, laid out in a shared cache.

Nothing here imports pulumi: the plugin, the engine's bootstrap and image builds use it alike. What
only an installation needs is imported by it, since a preview of an installed stack needs none of it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.software.model import Software
from providers.local.artifacts.errors import ArtifactError, ChecksumError, FetchError, LockError
from providers.local.artifacts.lock import home_of, locked_parts
from providers.local.artifacts.progress import Progress

__all__ = [
    "ArtifactError",
    "ChecksumError",
    "FetchError",
    "LockError",
    "Progress",
    "home_of",
    "install",
    "locked_parts",
    "missing_tools",
    "space_needed",
]


def install(
    software: str, version: str, parts: Sequence[Mapping[str, Any]], cache: Path | str, progress: Progress
) -> Path:
    """The home of the software in the cache, fetched and laid out when it is not there yet.

    Idempotent, and safe to run many times at once and to kill at any moment: what is in the cache is
    whole. `parts` come from `locked_parts`. Raises ArtifactError.
    """
    from providers.local.artifacts import installation

    return installation.install(software, version, parts, Path(cache), progress)


def missing_tools(table: Mapping[str, Software], cache: Path | str | None = None) -> list[str]:
    """What must be installed on this machine before `table` can be, each with its remedy.

    With `cache`, software that it already holds needs nothing.
    """
    from providers.local.artifacts import preflight

    return preflight.missing_tools(table, cache)


def space_needed(table: Mapping[str, Software], cache: Path | str) -> int:
    """The bytes, roughly, that installing what `table` has and `cache` lacks will take in the cache."""
    from providers.local.artifacts import preflight

    return preflight.space_needed(table, cache)
