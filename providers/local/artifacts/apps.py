"""Installs the apps of this repository: their source, and the packages of their lock in a shared venv."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

from providers.local.artifacts.cache import hold_lock
from providers.local.artifacts.errors import LockError
from providers.local.artifacts.lock import REPOSITORY, LockedPart, app_digest, app_sources
from providers.local.artifacts.progress import Progress
from providers.local.artifacts.pypi import make_venv


def venv_of(part: LockedPart, cache: Path) -> Path:
    """Returns the path of the venv for an `app` part. Parts with the same packages and Python share one."""
    content = json.dumps([part["requirements"], sys.version, sys.base_prefix])
    return cache / "apps" / f"venv-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def ensure_venv(part: LockedPart, cache: Path, progress: Progress) -> Path:
    """Makes the venv of an `app` part, unless it is there and complete, and returns its path."""
    venv = venv_of(part, cache)
    requirements = REPOSITORY / str(part["path"]) / "requirements.lock"
    with hold_lock(venv, progress):
        if not (venv / ".complete").exists():
            if hashlib.sha256(requirements.read_bytes()).hexdigest() != part["requirements"]:
                raise _changed(requirements)
            make_venv(requirements, venv, cache, progress)
    return venv


def lay_out(part: LockedPart, home: Path, venv: Path) -> None:
    """Puts the app into `home`: its source as `src/apps/...`, and a link to its venv as `venv`."""
    path, sources = str(part["path"]), home / "src"
    for file in app_sources(path):
        target = sources / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / file, target)
    if app_digest(path, sources) != part["digest"]:
        raise _changed(REPOSITORY / path)
    (home / "venv").symlink_to(venv)


def _changed(path: Path) -> LockError:
    return LockError(f"{path} changed while it was being installed. Run again.")
