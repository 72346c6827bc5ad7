"""Installs software on a machine without containers: ordinary package clients fetch it, the lock verifies it,
and a shared cache holds it unpacked.

This package does not import pulumi, since the plugin, the engine's bootstrap and image builds use it alike.
The functions import what only an installation needs, since a preview of an installed stack needs none of it.
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
    """Fetches and unpacks software unless the cache has it, and returns its home there.

    `parts` come from `locked_parts`. Many processes may install the same software at once, and each may be
    killed at any moment: a home in the cache is complete. Raises ArtifactError.
    """
    from providers.local.artifacts import installation

    return installation.install(software, version, parts, Path(cache), progress)


def missing_tools(table: Mapping[str, Software], cache: Path | str | None = None) -> list[str]:
    """Returns what this machine lacks to install the software of `table`: a sentence each, with the remedy.

    Software that `cache` already holds needs no tools.
    """
    from providers.local.artifacts import preflight

    return preflight.missing_tools(table, cache)


def space_needed(table: Mapping[str, Software], cache: Path | str) -> int:
    """Returns about how many bytes `cache` will grow by when the software of `table` is installed."""
    from providers.local.artifacts import preflight

    return preflight.space_needed(table, cache)
