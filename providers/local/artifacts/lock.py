"""Joins the parts of the software table with the files that the lock has for them.

A locked part is a plain dict that holds all that `install` needs, since it travels through the engine:
`kind`, the fields of its dataclass in components/software/model.py, and `files`, each as `{"file": name,
"sha256": hexadecimal, "size": bytes}`.
"""

import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache as memoised
from pathlib import Path
from typing import Any

from components.software.model import (
    BuildStep,
    BundledApp,
    GoBinary,
    Maven,
    MavenClosure,
    Part,
    Script,
    Software,
    Wheel,
)
from providers.local.artifacts.errors import LockError

REPOSITORY = Path(__file__).parents[3]
SOFTWARE = REPOSITORY / "components" / "software"
LOCK = SOFTWARE / "lock.json"
_LAYOUT = 1  # Raise it when unpacking changes what a home looks like.
_GO_FLOOR = re.compile(r"^go (\S+)$", re.MULTILINE)

# A kind, and the name of each field, counts in the digest of a home: a renamed one installs the home again,
# and restarts the servers that run from it. So the kind of a build step keeps its first name.
_KINDS: Mapping[type[Part], str] = {
    Maven: "maven",
    MavenClosure: "closure",
    Wheel: "pypi",
    GoBinary: "go",
    BundledApp: "app",
    Script: "script",
    BuildStep: "generated",
}

LockedPart = dict[str, Any]
"""A part with all that `install` needs."""
LockedFile = dict[str, Any]
"""The name, sha256 and size of a file."""


@memoised
def read_lock() -> Mapping[str, list[LockedFile]]:
    """Returns the files of each part, by its key in the lock. Raises LockError for a damaged lock."""
    try:
        return dict(json.loads(LOCK.read_text())["files"])
    except (OSError, ValueError, KeyError) as error:
        raise LockError(f"{LOCK} cannot be read: {error}. Restore it, or run `make lock`.") from error


def key_of(part: Part) -> str | None:
    """Returns the key of a part in the lock, or None for a part that the lock does not list."""
    match part:
        case Maven(coordinates=coordinates):
            return f"maven {coordinates}"
        case MavenClosure(coordinates=closure):
            return f"closure {' '.join(closure)}"
        case Wheel(requirement=requirement):
            return f"pypi {requirement}"
        case GoBinary() | BundledApp() | Script() | BuildStep():
            return None


def locked_parts(software: Software) -> list[LockedPart]:
    """Returns the parts of `software`, each with its files. Raises LockError when the lock lacks a part."""
    return [_locked(software, part) for part in software.parts]


def _locked(software: Software, part: Part) -> LockedPart:
    row = {field.name: getattr(part, field.name) for field in fields(part)}
    row = {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}
    row = {"kind": _KINDS[type(part)], **{name: value for name, value in row.items() if value is not None}}
    match part:
        case GoBinary(module_directory=module):
            return {**row, **_go_module(software, SOFTWARE / module)}
        case BundledApp(path=path):
            return {**row, **_app(software, path)}
        case Script():
            return row
        case BuildStep(java=java):
            runtime = {"java": _runtime(java)} if java else {}
            return {**row, **runtime}
    files = read_lock().get(str(key_of(part)))
    if not files:
        raise LockError(
            f"{software.name} {software.version}: {LOCK.relative_to(REPOSITORY)} has no files for "
            f"'{key_of(part)}'. Run `make lock` and commit the file."
        )
    return {**row, "files": [dict(file) for file in files]}


def _runtime(java: Software) -> dict[str, Any]:
    """Returns the arguments of `install` for the Java of a build step: it is an input of the home."""
    return {"software": java.name, "version": java.version, "parts": locked_parts(java)}


def _go_module(software: Software, module: Path) -> dict[str, Any]:
    try:
        digest = hashlib.sha256((module / "go.mod").read_bytes() + (module / "go.sum").read_bytes())
        floor = _GO_FLOOR.search((module / "go.mod").read_text())
    except OSError as error:
        raise LockError(
            f"{software.name}: its Go module cannot be read: {error}. Restore the file."
        ) from error
    if floor is None:
        raise LockError(f"{software.name}: {module / 'go.mod'} has no `go` line. Add one: go 1.25.")
    return {"digest": digest.hexdigest(), "go": floor[1]}


def app_sources(path: str) -> list[Path]:
    """Returns the files of a bundled app, relative to the repository: those of its folder and of apps/kit,
    and the `__init__.py` of the packages that hold these."""
    folders = [REPOSITORY / path, REPOSITORY / "apps" / "kit"]
    found = {
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc"
    }
    for folder in folders:
        for package in folder.relative_to(REPOSITORY).parents:
            if (REPOSITORY / package / "__init__.py").is_file():
                found.add(REPOSITORY / package / "__init__.py")
    return sorted(file.relative_to(REPOSITORY) for file in found)


def app_digest(path: str, root: Path) -> str:
    """Returns a digest of the files of a bundled app, as they are below `root`."""
    digest = hashlib.sha256()
    for file in app_sources(path):
        digest.update(f"{file}\0".encode())
        digest.update(hashlib.sha256((root / file).read_bytes()).digest())
    return digest.hexdigest()


def _app(software: Software, path: str) -> dict[str, Any]:
    requirements = REPOSITORY / path / "requirements.lock"
    if not requirements.is_file():
        raise LockError(f"{software.name}: {requirements} is missing. Restore it, or run `make lock`.")
    return {
        "digest": app_digest(path, REPOSITORY),
        "requirements": hashlib.sha256(requirements.read_bytes()).hexdigest(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def normalised(value: Any) -> Any:
    """Returns `value` as it is before and after its way through the engine: whole numbers are int, and fields
    that are None are left out."""
    if isinstance(value, Mapping):
        return {str(key): normalised(item) for key, item in value.items() if item is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [normalised(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def home_of(software: str, version: str, parts: Sequence[Mapping[str, Any]], cache: Path | str) -> Path:
    """Returns the path of a software's home: `<cache>/software/<software>-<version>-<digest>`."""
    content = json.dumps([_LAYOUT, normalised(parts)], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    return Path(cache) / "software" / f"{software}-{version}-{digest}"
