"""Bundled apps: their source from this repository, their packages from a lock file in a shared venv."""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from providers.local.artifacts.cache import locked
from providers.local.artifacts.client import Progress
from providers.local.artifacts.errors import LockError
from providers.local.artifacts.lock import REPOSITORY, app_sources
from providers.local.artifacts.pypi import make_venv


def venv_of(part: dict[str, Any], cache: Path) -> Path:
    """Where the venv of an `app` part is: one for each set of packages and Python."""
    content = json.dumps([part["requirements"], sys.version, sys.base_prefix])
    return cache / "apps" / f"venv-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def ensure_venv(part: dict[str, Any], cache: Path, progress: Progress) -> Path:
    """The venv of an `app` part, made when it is missing or was left half-made."""
    venv = venv_of(part, cache)
    requirements = REPOSITORY / str(part["path"]) / "requirements.lock"
    with locked(venv):
        if not (venv / ".complete").exists():
            _check(str(part["path"]), requirements, str(part["requirements"]))
            make_venv(requirements, venv, cache, progress)
    return venv


def lay_out(part: dict[str, Any], home: Path, venv: Path) -> None:
    """Put the app into `home`: its source as `src/apps/...`, its venv as `venv`."""
    for file in app_sources(str(part["path"])):
        target = home / "src" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / file, target)
    (home / "venv").symlink_to(venv)


def _check(path: str, requirements: Path, expected: str) -> None:
    actual = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if actual != expected:
        raise LockError(f"{path}: {requirements} changed while the program ran. Run again.")
