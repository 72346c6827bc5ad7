"""`make lock`: rewrite the lock from what the registries hold for the versions of the software table."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from components.software.model import Maven, MavenClosure, Part, Wheel
from components.software.table import TABLE
from providers.local.artifacts import go, maven, pypi
from providers.local.artifacts.cache import directory, locked, sha256_of
from providers.local.artifacts.client import Progress, retrying
from providers.local.artifacts.errors import FetchError
from providers.local.artifacts.lock import LOCK, Row, key_of, read_lock

_PYTHON = "3.11"  # Wheels of another CPython hold the same server; one of them is locked.
_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "linux_x86_64", "any")


def relock(cache: Path, progress: Progress) -> None:
    """Write sha256 and size of every file of the table to the lock, fetching what the cache lacks."""
    parts: list[Part] = [part for software in TABLE.values() for part in software.parts]
    files = {str(key_of(part)): _rows(part, cache, progress) for part in _distinct([*parts, Wheel(go.TOOLCHAIN)])}
    text = json.dumps({"files": dict(sorted(files.items()))}, indent=2)
    LOCK.write_text(text + "\n")
    read_lock.cache_clear()


def _distinct(parts: Iterable[Part]) -> list[Part]:
    return list({key: part for part in parts if (key := key_of(part))}.values())


def _rows(part: Part, cache: Path, progress: Progress) -> list[Row]:
    match part:
        case Maven(coordinates=coordinates):
            return [_row(maven.download(coordinates, cache, progress))]
        case MavenClosure(coordinates=coordinates):
            with locked(maven.closure_directory(coordinates, cache)):
                folder = maven.download_closure(coordinates, cache, progress)
            return [_row(path) for path in sorted(folder.iterdir())]
        case Wheel(requirement=requirement):
            return [_row(_download(requirement, cache, progress))]
        case _:
            return []


def _download(requirement: str, cache: Path, progress: Progress) -> Path:
    """The file of a PyPI package, in the cache: a wheel for Linux, else the source archive."""
    stem = requirement.replace("==", "-").lower()
    for known in sorted(directory(cache, "downloads").iterdir()):
        if known.name.lower().replace("_", "-").startswith((f"{stem}-".replace("_", "-"), f"{stem}.tar")):
            return known
    progress(f"downloading {requirement}")
    wheel = ["--only-binary=:all:", f"--python-version={_PYTHON}", "--implementation=cp", requirement]
    wheel += [f"--platform={platform}" for platform in _PLATFORMS]
    for arguments in (wheel, ["--no-binary=:all:", requirement]):
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=cache / "downloads") as scratch:
            target = directory(scratch, "target")
            try:
                for attempt in retrying(progress):
                    with attempt:
                        pypi.pip_download(requirement, arguments, "", 0, Path(scratch), target, progress)
            except FetchError:
                if arguments is wheel:
                    continue
                raise
            (file,) = target.iterdir()
            return file.rename(cache / "downloads" / file.name)
    raise AssertionError("unreachable")


def _row(path: Path) -> Row:
    return {"file": path.name, "sha256": sha256_of(path), "size": path.stat().st_size}
