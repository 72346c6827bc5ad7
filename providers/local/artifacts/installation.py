"""From locked parts to a home in the cache: fetch, verify, lay out, rename."""

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

from components.templates import render
from providers.local.artifacts import apps, go, maven, pypi
from providers.local.artifacts.cache import appearing, directory, locked
from providers.local.artifacts.client import run
from providers.local.artifacts.errors import LockError
from providers.local.artifacts.lock import Row, home_of, normalised
from providers.local.artifacts.progress import Progress
from providers.local.artifacts.unpack import Member, extract, extract_inner

_FETCHERS = {"maven": maven.fetch, "closure": maven.fetch_closure, "pypi": pypi.fetch, "go": go.fetch}
_OWN = frozenset({"app", "script", "generated"})
_AT_ONCE = 3
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC"}


def install(
    software: str, version: str, parts: Sequence[Mapping[str, Any]], cache: Path, progress: Progress
) -> Path:
    """See `providers.local.artifacts.install`."""
    rows: list[Row] = normalised(parts)
    home = home_of(software, version, rows, cache)

    def say(line: str) -> None:
        progress(f"{software} {version}: {line}")

    directory(cache)
    with locked(home, say):
        for row in rows:
            if row["kind"] == "app":
                apps.ensure_venv(row, cache, say)
        if not home.exists():
            fetched = _fetch([row for row in rows if row["kind"] not in _OWN], cache, say)
            with appearing(home) as scratch:
                say("unpacking")
                _lay_out(fetched, scratch)
                for row in rows:
                    _complete(row, scratch, cache, say)
    return home


def _fetch(rows: list[Row], cache: Path, progress: Progress) -> list[tuple[Row, list[Path]]]:
    """The files of each part. Parts of the same file are fetched once, different ones side by side."""
    unknown = [str(row["kind"]) for row in rows if row["kind"] not in _FETCHERS]
    if unknown:
        raise LockError(f"no way to fetch a part of kind {', '.join(unknown)}. Update this checkout.")
    keys = [str(row.get("requirement") or row.get("coordinates") or row.get("package")) for row in rows]
    distinct = dict(zip(keys, rows, strict=True))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = {
            key: pool.submit(_FETCHERS[str(row["kind"])], row, cache, progress)
            for key, row in distinct.items()
        }
        return [(row, futures[key].result()) for key, row in zip(keys, rows, strict=True)]


def _lay_out(fetched: list[tuple[Row, list[Path]]], home: Path) -> None:
    for files, group in groupby(fetched, key=lambda item: item[1]):
        rows = [row for row, _ in group]
        match rows[0]["kind"]:
            case "pypi":
                strip = 0 if files[0].suffix == ".whl" else 1
                extract(files[0], home, [Member(str(row["member"]), str(row["into"]), strip) for row in rows])
            case "maven" if rows[0]["unpack"]:
                member = Member("", str(rows[0]["into"]), int(rows[0]["strip"]))
                if "inner" in rows[0]:
                    extract_inner(files[0], str(rows[0]["inner"]), home, member)
                else:
                    extract(files[0], home, [member])
            case _:
                _link(files, home / str(rows[0]["into"]))


def _link(files: list[Path], folder: Path) -> None:
    """Put files into `folder` without using their space twice where the file system can do that."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        try:
            os.link(file, folder / file.name)
        except OSError:  # Another file system, or one without links: a copy serves as well.
            shutil.copy2(file, folder / file.name)


def _complete(row: Row, home: Path, cache: Path, progress: Progress) -> None:
    """Add what is not fetched: our own sources and scripts, and what is generated from the rest."""
    match row["kind"]:
        case "app":
            apps.lay_out(row, home, apps.venv_of(row, cache))
        case "script":
            script = home / str(row["path"])
            if original := row.get("original"):
                script.rename(home / str(original))
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(str(row["text"]))
            script.chmod(0o755)
        case "generated":
            _generate(row, home, cache, progress)


def _generate(row: Row, home: Path, cache: Path, progress: Progress) -> None:
    """Run the command in an environment of its own: nothing of the user's may end up in a home that
    every stack shares."""
    values = {"home": str(home)}
    if java := row.get("java"):
        runtime = install(java["software"], java["version"], java["parts"], cache, progress)
        values["java"] = str(runtime / "bin" / "java")
    argv = [render(str(word), values) for word in row["command"]]
    progress("completing it, once for all stacks")
    remedy = "Its output follows; the software table or this machine is at fault."
    run(" ".join(argv), argv, environment=_ENVIRONMENT, activity=None, directory=home, remedy=remedy)
