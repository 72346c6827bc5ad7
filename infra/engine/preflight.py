"""Checks that the machine has what `make up` needs, before anything is started.

The Makefile runs this file as a script before `.venv` exists, so it imports only the standard library at
first.
"""

import importlib.util
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_OLDEST_PYTHON = (3, 11)
_GIBIBYTE = 2**30
_FRESH_BYTES = 12 * _GIBIBYTE
"""The space of a first run: the Go caches of engine and servers, the servers, `.venv` and their data."""
_ENGINE_BYTES = 4 * _GIBIBYTE
"""The space of the engine's Go modules and compiled packages, measured."""


_APART = re.compile(r"[:\x00-\x1f\x7f]| [;#]")
"""The characters that end a path in lists of paths (PATH, PYTHONPATH, Java's class path) or in supervisord's
files."""


class PreflightError(Exception):
    """The machine lacks something that `make up` needs. Nothing was started."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("Nothing was started:" + "".join(f"\n  - {problem}" for problem in problems))


def python_problems() -> list[str]:
    """Returns why this Python cannot make `.venv`: a sentence for each reason, with its remedy."""
    problems = []
    if sys.version_info < _OLDEST_PYTHON:
        wanted = ".".join(map(str, _OLDEST_PYTHON))
        problems.append(
            f"{sys.executable} is Python {sys.version.split()[0]}, and the project needs {wanted} or newer. "
            f"Install it, or name one: make PYTHON=python{wanted} ..."
        )
    if any(importlib.util.find_spec(module) is None for module in ("venv", "ensurepip")):
        problems.append(
            f"{sys.executable} has no venv module, so .venv cannot be made. Install it: on Debian, "
            "apt install python3-venv."
        )
    return problems


def path_problems(path: Path, what: str, remedy: str) -> list[str]:
    """Returns why nothing can run from `path`, followed by `remedy`; `what` names the path in the message."""
    found = _APART.search(str(path))
    if found is None:
        return []
    return [
        f"The path of {what}, {str(path)!r}, holds {found[0]!r}, which separates paths from one another "
        f"where servers and Python are told of them: {remedy}."
    ]


def checkout_problems(checkout: Path) -> list[str]:
    """Returns why nothing can run from a clone at `checkout`, with the remedy."""
    return path_problems(checkout, "this clone", "move it, and run make again there")


def cache_problems(cache: Path) -> list[str]:
    """Returns why nothing can run from software in `cache`, with the remedy."""
    return path_problems(cache, "the cache", "point XDG_CACHE_HOME at another directory")


def space_problems(cache: Path, needed: int) -> list[str]:
    """Returns why the disk of `cache` has no room for `needed` bytes, with the remedy."""
    existing = next(path for path in (cache, *cache.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free >= needed:
        return []
    return [
        f"{existing} has {free / _GIBIBYTE:.1f} GiB free, and {needed / _GIBIBYTE:.0f} GiB are needed. "
        "Free some space, or (not as root) point XDG_CACHE_HOME and XDG_STATE_HOME at a larger disk."
    ]


def check_engine(cache: Path) -> None:
    """Checks that the engine can be built on this machine. Raises PreflightError."""
    from infra.engine.installation import MODULE
    from providers.local.artifacts.preflight import go_problem

    problem = go_problem(MODULE)
    problems = ([problem] if problem else []) + space_problems(cache, _ENGINE_BYTES)
    if problems:
        raise PreflightError(problems)


def check_software(cache: Path) -> None:
    """Checks that the servers that `cache` lacks can be fetched and built. Raises PreflightError."""
    from components.software import TABLE
    from providers.local.artifacts import missing_tools, space_needed

    problems = missing_tools(TABLE, cache) + space_problems(cache, space_needed(TABLE, cache))
    if problems:
        raise PreflightError(problems)


def check_paths(checkout: Path, cache: Path) -> None:
    """Checks that servers can run from the paths of the clone and of the cache. Raises PreflightError."""
    if problems := checkout_problems(checkout) + cache_problems(cache):
        raise PreflightError(problems)


def _before_anything(cache: Path) -> list[str]:
    fresh = not (cache / "engine").exists()
    paths = checkout_problems(Path(__file__).resolve().parents[2]) + cache_problems(cache)
    return paths + python_problems() + space_problems(cache, _FRESH_BYTES if fresh else 0)


if __name__ == "__main__":
    if found := _before_anything(Path(sys.argv[1])):
        sys.exit(f"error: {PreflightError(found)}")
