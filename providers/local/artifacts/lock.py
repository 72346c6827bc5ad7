"""Parts of the software table joined with what the lock says about their files.

A *part* is a plain dict that holds all that `install` needs, since it travels through the engine:
`kind`, the fields of its dataclass in components/software/model.py, and the files of the lock as
`{"file": name, "sha256": hex, "size": bytes}`.
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

Row = dict[str, Any]


@memoised
def read_lock() -> Mapping[str, list[Row]]:
    """The lock: the files of each part, by the part's key."""
    try:
        return dict(json.loads(LOCK.read_text())["files"])
    except (OSError, ValueError, KeyError) as error:
        raise LockError(f"{LOCK} cannot be read: {error}. Restore it, or run 'make lock'.") from error


def key_of(part: Part) -> str | None:
    """The key of a part in the lock; None for what is locked by files of its own."""
    match part:
        case Maven(coordinates=coordinates):
            return f"maven {coordinates}"
        case MavenClosure(coordinates=closure):
            return f"closure {' '.join(closure)}"
        case Wheel(requirement=requirement):
            return f"pypi {requirement}"
        case GoBinary() | BundledApp() | Script() | BuildStep():
            return None


def locked_parts(software: Software) -> list[Row]:
    """The parts of `software`, each with its files of the lock. Raises LockError for a part without."""
    return [_locked(software, part) for part in software.parts]


def _locked(software: Software, part: Part) -> Row:
    row = {field.name: getattr(part, field.name) for field in fields(part)}
    row = {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}
    row = {name: value for name, value in row.items() if value is not None}
    match part:
        case GoBinary(module_directory=module):
            return {"kind": "go", **row, **_go_module(software, SOFTWARE / module)}
        case BundledApp(path=path):
            return {"kind": "app", **row, **_app(software, path)}
        case Script():
            return {"kind": "script", **row}
        case BuildStep(java=java):
            runtime = {"java": _runtime(java)} if java else {}
            return {"kind": "generated", **row, **runtime}
    files = read_lock().get(str(key_of(part)))
    if not files:
        raise LockError(
            f"{software.name} {software.version}: the lock has no files for '{key_of(part)}'. "
            f"Run 'make lock' and commit {LOCK.relative_to(REPOSITORY)}."
        )
    return {"kind": _KINDS[type(part)], **row, "files": [dict(file) for file in files]}


def _runtime(java: Software) -> Row:
    """What `install` takes: the Java that generates a part is an input of the part's home."""
    return {"software": java.name, "version": java.version, "parts": locked_parts(java)}


_KINDS: Mapping[type[Part], str] = {Maven: "maven", MavenClosure: "closure", Wheel: "pypi"}


def _go_module(software: Software, module: Path) -> Row:
    try:
        digest = hashlib.sha256((module / "go.mod").read_bytes() + (module / "go.sum").read_bytes())
        floor = _GO_FLOOR.search((module / "go.mod").read_text())
    except OSError as error:
        raise LockError(f"{software.name}: its Go module cannot be read: {error}. Restore it.") from error
    if floor is None:
        raise LockError(f"{software.name}: {module / 'go.mod'} has no 'go' line. Add it.")
    return {"digest": digest.hexdigest(), "go": floor[1]}


def app_sources(path: str) -> list[Path]:
    """The files of a bundled app, relative to the repository: its folder, apps/kit and the packages
    that hold them."""
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
    """The digest of a bundled app's files as they are below `root`."""
    digest = hashlib.sha256()
    for file in app_sources(path):
        digest.update(f"{file}\0".encode())
        digest.update(hashlib.sha256((root / file).read_bytes()).digest())
    return digest.hexdigest()


def _app(software: Software, path: str) -> Row:
    requirements = REPOSITORY / path / "requirements.lock"
    if not requirements.is_file():
        raise LockError(f"{software.name}: {requirements} is missing. Restore it, or run 'make lock'.")
    return {
        "digest": app_digest(path, REPOSITORY),
        "requirements": hashlib.sha256(requirements.read_bytes()).hexdigest(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def normalised(value: Any) -> Any:
    """`value` as the engine cannot change it: whole numbers as int, no absent fields."""
    if isinstance(value, Mapping):
        return {str(key): normalised(item) for key, item in value.items() if item is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [normalised(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def home_of(software: str, version: str, parts: Sequence[Mapping[str, Any]], cache: Path | str) -> Path:
    """Where `install` puts this software: `<cache>/software/<software>-<version>-<digest>`."""
    content = json.dumps([_LAYOUT, normalised(parts)], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    return Path(cache) / "software" / f"{software}-{version}-{digest}"
