"""Makes a home in the cache from locked parts: fetches them, verifies them, lays them out and renames the
result."""

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

from components.templates import render
from providers.local.artifacts import apps, go, maven, pypi
from providers.local.artifacts.cache import atomic_directory, directory, hold_lock
from providers.local.artifacts.client import run
from providers.local.artifacts.errors import LockError
from providers.local.artifacts.lock import LockedPart, home_of, normalised
from providers.local.artifacts.progress import Progress
from providers.local.artifacts.unpack import Member, extract, extract_inner

_FETCHERS = {"maven": maven.fetch, "closure": maven.fetch_closure, "pypi": pypi.fetch, "go": go.fetch}
_NOT_FETCHED = frozenset({"app", "script", "generated"})
_AT_ONCE = 3
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC"}


def install(
    software: str, version: str, parts: Sequence[Mapping[str, Any]], cache: Path, progress: Progress
) -> Path:
    """Installs software: see `providers.local.artifacts.install`."""
    locked: list[LockedPart] = normalised(parts)
    home = home_of(software, version, locked, cache)

    def say(line: str) -> None:
        progress(f"{software} {version}: {line}")

    directory(cache)
    with hold_lock(home, say):
        for part in locked:
            if part["kind"] == "app":
                apps.ensure_venv(part, cache, say)
        if not home.exists():
            fetched = _fetch([part for part in locked if part["kind"] not in _NOT_FETCHED], cache, say)
            with atomic_directory(home) as scratch:
                say("unpacking")
                _lay_out(fetched, scratch)
                for part in locked:
                    _complete(part, scratch, cache, say)
    return home


def _fetch(parts: list[LockedPart], cache: Path, progress: Progress) -> list[tuple[LockedPart, list[Path]]]:
    """Returns the files of each part. Several parts of one file are fetched once, others side by side."""
    unknown = [str(part["kind"]) for part in parts if part["kind"] not in _FETCHERS]
    if unknown:
        raise LockError(f"Parts of kind {', '.join(unknown)} are unknown to this checkout. Update it.")
    keys = [str(part.get("requirement") or part.get("coordinates") or part.get("package")) for part in parts]
    distinct = dict(zip(keys, parts, strict=True))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = {
            key: pool.submit(_FETCHERS[str(part["kind"])], part, cache, progress)
            for key, part in distinct.items()
        }
        return [(part, futures[key].result()) for key, part in zip(keys, parts, strict=True)]


def _lay_out(fetched: list[tuple[LockedPart, list[Path]]], home: Path) -> None:
    for files, group in groupby(fetched, key=lambda item: item[1]):
        parts = [part for part, _ in group]
        match parts[0]["kind"]:
            case "pypi":
                strip = 0 if files[0].suffix == ".whl" else 1
                extract(
                    files[0], home, [Member(str(part["member"]), str(part["into"]), strip) for part in parts]
                )
            case "maven" if parts[0]["unpack"]:
                member = Member("", str(parts[0]["into"]), int(parts[0]["strip"]))
                if "inner" in parts[0]:
                    extract_inner(files[0], str(parts[0]["inner"]), home, member)
                else:
                    extract(files[0], home, [member])
            case _:
                _link(files, home / str(parts[0]["into"]))


def _link(files: list[Path], folder: Path) -> None:
    """Puts files into `folder`, as hard links where possible: a copy takes the space twice."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        try:
            os.link(file, folder / file.name)
        except OSError:  # Another file system, or one without links.
            shutil.copy2(file, folder / file.name)


def _complete(part: LockedPart, home: Path, cache: Path, progress: Progress) -> None:
    """Adds a part that is not fetched: an app or a script of ours, or the result of a build step."""
    match part["kind"]:
        case "app":
            apps.lay_out(part, home, apps.venv_of(part, cache))
        case "script":
            script = home / str(part["path"])
            if original := part.get("original"):
                script.rename(home / str(original))
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(str(part["text"]))
            script.chmod(0o755)
        case "generated":  # a build step: see lock.py
            _build(part, home, cache, progress)


def _build(part: LockedPart, home: Path, cache: Path, progress: Progress) -> None:
    """Runs a build step in an environment of its own: nothing of the user's may end up in a home that every
    stack shares."""
    values = {"home": str(home)}
    if java := part.get("java"):
        runtime = install(java["software"], java["version"], java["parts"], cache, progress)
        values["java"] = str(runtime / "bin" / "java")
    argv = [render(str(word), values) for word in part["command"]]
    progress("completing it, once for all stacks")
    remedy = "Correct the software table, or what its output says of this machine:"
    run(" ".join(argv), argv, environment=_ENVIRONMENT, activity=None, directory=home, remedy=remedy)
