"""Bundled apps: their source from this repository, their packages from a lock file in a shared venv."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

from providers.local.artifacts.cache import locked
from providers.local.artifacts.errors import LockError
from providers.local.artifacts.lock import REPOSITORY, Row, app_digest, app_sources
from providers.local.artifacts.progress import Progress
from providers.local.artifacts.pypi import make_venv


def venv_of(part: Row, cache: Path) -> Path:
    """Where the venv of an `app` part is: one for each set of packages and Python."""
    content = json.dumps([part["requirements"], sys.version, sys.base_prefix])
    return cache / "apps" / f"venv-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def ensure_venv(part: Row, cache: Path, progress: Progress) -> Path:
    """The venv of an `app` part, made when it is missing or was left half-made."""
    venv = venv_of(part, cache)
    requirements = REPOSITORY / str(part["path"]) / "requirements.lock"
    with locked(venv, progress):
        if not (venv / ".complete").exists():
            if hashlib.sha256(requirements.read_bytes()).hexdigest() != part["requirements"]:
                raise _changed(requirements)
            make_venv(requirements, venv, cache, progress)
    return venv


def lay_out(part: Row, home: Path, venv: Path) -> None:
    """Put the app into `home`: its source as `src/apps/...`, its venv as `venv`."""
    path, sources = str(part["path"]), home / "src"
    for file in app_sources(path):
        target = sources / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / file, target)
    if app_digest(path, sources) != part["digest"]:
        raise _changed(REPOSITORY / path)
    (home / "venv").symlink_to(venv)


def _changed(path: Path) -> LockError:
    return LockError(f"{path} changed while the program ran. Run again.")
