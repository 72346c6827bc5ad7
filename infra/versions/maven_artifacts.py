"""The artifacts of Maven repositories that the software table names."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from components.software.model import Maven, MavenClosure, Software
from components.software.toolchain import MAVEN_DEPENDENCY_PLUGIN, MAVEN_VERSIONS_PLUGIN
from infra.versions.releases import Newer, Pin
from providers.local.artifacts import maven
from providers.local.artifacts.progress import Progress


def newer(rows: Iterable[Software], cache: Path, progress: Progress) -> list[Newer]:
    """Returns what Maven's repositories have newer releases of. Raises FetchError."""
    pins = list(_pins(rows))
    found = maven.newer_releases([f"{pin.name}:{pin.version}" for pin in pins], cache, progress)
    return [Newer(pin, found[pin.name]) for pin in pins if pin.name in found]


def _pins(rows: Iterable[Software]) -> Iterator[Pin]:
    for row in rows:
        for part in row.parts:
            match part:
                case Maven(coordinates=coordinates):
                    yield _pin(coordinates, f"software table: {row.name}")
                case MavenClosure(coordinates=closure):
                    yield from (_pin(item, f"software table: {row.name}") for item in closure)
    for plugin in (MAVEN_DEPENDENCY_PLUGIN, MAVEN_VERSIONS_PLUGIN):
        yield _pin(plugin, "components/software/toolchain.py")


def _pin(coordinates: str, place: str) -> Pin:
    group, artifact, version = coordinates.split(":")[:3]
    return Pin(f"{group}:{artifact}", version, place)
