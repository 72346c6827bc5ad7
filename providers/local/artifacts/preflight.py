"""Finds out what a machine lacks, before anything starts."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from components.software.model import BundledApp, GoBinary, Maven, MavenClosure, Software, Wheel
from components.software.toolchain import GO_PACKAGE
from providers.local.artifacts import go, maven
from providers.local.artifacts.errors import LockError
from providers.local.artifacts.lock import SOFTWARE, LockedPart, home_of, key_of, locked_parts, read_lock

JAVA_FLOOR = 11
_GIBIBYTE = 1 << 30
_GO_BYTES = 4 * _GIBIBYTE  # Sources and compiled packages of MinIO, measured.
_VENV_BYTES = 600_000_000
_UNPACKED = 1.7  # Bytes on disk for each byte of an archive, jars within it being compressed already.
_JAVA_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def missing_tools(table: Mapping[str, Software], cache: Path | str | None = None) -> list[str]:
    """Returns what this machine lacks to install the software of `table`: a sentence each, with the remedy.

    Software that `cache` already holds needs no tools.
    """
    parts = [part for software in table.values() if not _present(software, cache) for part in software.parts]
    problems: list[str] = []
    if any(isinstance(part, Maven | MavenClosure) for part in parts):
        problems += _java_problems()
    if any(isinstance(part, GoBinary) for part in parts):
        problems += [
            problem
            for module in {part.module_directory for part in parts if isinstance(part, GoBinary)}
            if (problem := go_problem(SOFTWARE / module))
        ]
    if any(isinstance(part, Maven) and part.inner for part in parts) and not _importable("_lzma"):
        problems.append(
            "This Python cannot read xz archives (module lzma). Use Debian's python3, or rebuild Python with "
            "liblzma-dev installed."
        )
    if any(isinstance(part, Wheel | BundledApp) for part in parts) and not _importable("pip"):
        problems.append(
            "This Python has no pip, which fetches packages. Debian: apt install python3-pip python3-venv."
        )
    if any(isinstance(part, BundledApp) for part in parts) and not _importable("ensurepip"):
        problems.append(
            "This Python cannot make a venv, which the apps run in. Debian: apt install python3-venv."
        )
    return problems


def go_problem(module_directory: Path) -> str | None:
    """Returns why this machine cannot build the module, with the remedy, or None when it can."""
    floor, present = go.floor_of(module_directory), go.machine_version()
    if (present is not None and present >= floor) or f"pypi {GO_PACKAGE}" in read_lock():
        return None
    found = f"go {present[0]}.{present[1]} is too old" if present else "there is no go on PATH"
    return (
        f"{module_directory.name} needs Go {floor[0]}.{floor[1]} or newer to be built, and {found}. "
        "Install it (Debian: golang-go from backports), or run `make lock`."
    )


def space_needed(table: Mapping[str, Software], cache: Path | str) -> int:
    """Returns about how many bytes `cache` will grow by when the software of `table` is installed."""
    total = 0.0
    counted: set[str] = set()
    venv = go_sources = False
    for software in table.values():
        if _present(software, cache):
            continue
        for part, row in zip(software.parts, locked_parts(software), strict=True):
            key = key_of(part)
            if isinstance(part, GoBinary):
                go_sources = True
            elif isinstance(part, BundledApp):
                venv = True
            elif key is not None and key not in counted:
                counted.add(key)
                total += _part_bytes(part, row, Path(cache))
    return int(total) + go_sources * _GO_BYTES + venv * _VENV_BYTES


def _part_bytes(part: object, row: LockedPart, cache: Path) -> float:
    size = sum(int(file["size"]) for file in row["files"])
    match part:
        case Maven(coordinates=coordinates, unpack=unpack):
            present = maven.path_of(coordinates, cache).exists()
            return (0 if present else size) + (size * _UNPACKED if unpack else 0)
        case MavenClosure():
            return 2 * size  # Once in the local repository, once in the closure's directory.
        case _:
            present = (cache / "downloads" / str(row["files"][0]["file"])).exists()
            return (0 if present else size) + size * _UNPACKED


def _present(software: Software, cache: Path | str | None) -> bool:
    if cache is None:
        return False
    try:
        return home_of(software.name, software.version, locked_parts(software), cache).exists()
    except LockError:
        return False


def _java_problems() -> list[str]:
    problems = []
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    found = _java_release(java)
    if found is None or found < JAVA_FLOOR:
        said = f"{java} is Java {found}" if found else f"{java} does not run"
        hint = " JAVA_HOME names it: correct or unset it, or" if home else ""
        problems.append(
            f"Maven needs Java {JAVA_FLOOR} or newer, and {said}.{hint or ' To have one:'} "
            "apt install default-jdk-headless (Debian)."
        )
    if shutil.which("mvn") is None:
        problems.append("There is no mvn on PATH, which fetches the Java servers. Debian: apt install maven.")
    return problems


def _java_release(java: str) -> int | None:
    try:
        printed = subprocess.run(
            [java, "-XX:-UsePerfData", "-version"], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _JAVA_VERSION.search(printed.stderr + printed.stdout)
    return int(found[1]) if found and printed.returncode == 0 else None


def _importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
