"""Rewrites the lock of the software table from the files that the registries have for its versions."""

import json
from collections.abc import Iterable
from pathlib import Path

from components.software.model import Maven, MavenClosure, Part, Wheel
from components.software.table import TABLE
from components.software.toolchain import GO_PACKAGE, PYTHON
from providers.local.artifacts import maven, pypi
from providers.local.artifacts.cache import directory, hold_lock, scratch_beside, sha256_of
from providers.local.artifacts.errors import FetchError
from providers.local.artifacts.lock import LOCK, LockedFile, key_of, read_lock
from providers.local.artifacts.progress import Progress

# Wheels of another CPython hold the same server; one of them is locked.
_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "linux_x86_64", "any")


def relock(cache: Path, progress: Progress) -> None:
    """Writes the sha256 and the size of every file of the software table into the lock.

    Files that the cache lacks are fetched. Raises FetchError.
    """
    parts: list[Part] = [part for software in TABLE.values() for part in software.parts]
    files = {
        str(key_of(part)): _rows(part, cache, progress) for part in _distinct([*parts, Wheel(GO_PACKAGE)])
    }
    text = json.dumps({"files": dict(sorted(files.items()))}, indent=2)
    LOCK.write_text(text + "\n")
    read_lock.cache_clear()


def _distinct(parts: Iterable[Part]) -> list[Part]:
    return list({key: part for part in parts if (key := key_of(part))}.values())


def _rows(part: Part, cache: Path, progress: Progress) -> list[LockedFile]:
    match part:
        case Maven(coordinates=coordinates):
            return [_row(maven.download(coordinates, cache, progress))]
        case MavenClosure(coordinates=coordinates):
            with hold_lock(maven.closure_directory(coordinates, cache)):
                folder = maven.download_closure(coordinates, cache, progress)
            return [_row(path) for path in sorted(folder.iterdir())]
        case Wheel(requirement=requirement):
            return [_row(_download(requirement, cache, progress))]
        case _:
            return []


def _download(requirement: str, cache: Path, progress: Progress) -> Path:
    """Fetches a PyPI package and returns its file: a wheel for Linux, or the source archive without one."""
    known = [path for path in directory(cache, "downloads").iterdir() if _belongs(path.name, requirement)]
    if known:
        return known[0]
    progress(f"downloading {requirement}")
    wheel = ["--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp", requirement]
    wheel += [f"--platform={platform}" for platform in _PLATFORMS]
    try:
        return _keep(requirement, wheel, cache)
    except FetchError:
        progress(f"{requirement} has no wheel: taking its source archive")
    return _keep(requirement, ["--no-binary=:all:", requirement], cache)


def _keep(requirement: str, arguments: list[str], cache: Path) -> Path:
    with scratch_beside(cache / "downloads" / requirement) as scratch:
        file = pypi.pip_download(requirement, arguments, scratch)
        return file.rename(cache / "downloads" / file.name)


def _belongs(file: str, requirement: str) -> bool:
    name, _, version = requirement.replace("_", "-").lower().partition("==")
    file = file.replace("_", "-").lower()
    return file.startswith(f"{name}-{version}-") or file == f"{name}-{version}.tar.gz"


def _row(path: Path) -> LockedFile:
    return {"file": path.name, "sha256": sha256_of(path), "size": path.stat().st_size}
