"""Finds the Pulumi engine, or builds it from its Go modules.

A `pulumi` on PATH that has a compatible version and a language host is the user's own and is used. Otherwise
the engine is built once into the shared cache, with a script beside it that starts this checkout's language
host.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

VERSION = "3.258.0"
"""The version of the engine that is built and of the SDK in requirements.txt, and the oldest that is
compatible."""
MODULE = Path(__file__).parent
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
LDFLAGS = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={VERSION}"

_LANGUAGE_HOST = "pulumi-language-python"
_FIND_CHECKOUT = """\
#!/bin/sh
root=${NEBULA_CHECKOUT:-$PWD}
while [ ! -e "$root/infra/engine/language_host.py" ] && [ "$root" != / ]; do root=$(dirname "$root"); done
python=${NEBULA_PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || { echo "$root/.venv is missing; make it with: make .venv/installed" >&2; exit 1; }
"""
SCRIPTS = {
    _LANGUAGE_HOST: f'{_FIND_CHECKOUT}exec "$python" -u "$root/infra/engine/language_host.py" "$@"\n',
}
"""The scripts by name. The engine takes plugins beside its executable as bundled: it needs no PATH entry and
prints no warning."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """A `pulumi` executable. `built_here` is set when `build` made it, and not when it is the user's own."""

    executable: Path
    built_here: bool


def built_engine(cache: Path) -> Engine:
    """Returns the engine of this version in `cache`, whether or not it has been built."""
    recipe = hashlib.sha256(LDFLAGS.encode())
    for name in ("go.mod", "go.sum", "tools.go"):
        recipe.update((MODULE / name).read_bytes())
    return Engine(
        cache / "engine" / f"pulumi-{VERSION}-{recipe.hexdigest()[:12]}" / "bin" / "pulumi", built_here=True
    )


def official_engine(environment: Mapping[str, str], cache: Path) -> Engine | None:
    """Returns the user's own `pulumi` on the PATH of `environment`, or None when there is none outside
    `cache` that has a compatible version and a language host."""
    path = environment.get("PATH", os.defpath)
    kept = [entry for entry in path.split(os.pathsep) if not Path(entry).is_relative_to(cache)]
    found = shutil.which("pulumi", path=os.pathsep.join(kept))
    if not found or not _has_language_host(Path(found), os.pathsep.join(kept)):
        return None
    answer = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
    return Engine(Path(found), built_here=False) if _is_compatible(answer.stdout) else None


def find(environment: Mapping[str, str], cache: Path) -> Engine | None:
    """Returns the user's own engine, else the one that was built into `cache`, else None."""
    if official := official_engine(environment, cache):
        return official
    built = built_engine(cache)
    if not built.executable.exists():
        return None
    _write_scripts(built.executable.parent)
    return built


def build(cache: Path, progress: Progress) -> Engine:
    """Builds the engine into `cache`, which takes about five minutes on two cores and 4 GiB for Go's caches.
    Calls `progress` with each step. Raises ArtifactError when Go is missing or the build fails."""
    from providers.local.artifacts import go

    engine = built_engine(cache)
    before = os.umask(0o022)  # Who may write in the cache decides what every user of it runs.
    try:
        engine.executable.parent.mkdir(parents=True, exist_ok=True)
        go.build(PACKAGE, MODULE, engine.executable, LDFLAGS, cache, progress)
        _write_scripts(engine.executable.parent)
    finally:
        os.umask(before)
    return engine


def _has_language_host(executable: Path, path: str) -> bool:
    beside = executable.resolve().with_name(_LANGUAGE_HOST)
    return beside.exists() or shutil.which(_LANGUAGE_HOST, path=path) is not None


def _is_compatible(version: str) -> bool:
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version.strip())
    if not match:
        return False
    found, oldest = tuple(map(int, match.groups())), tuple(map(int, VERSION.split(".")))
    return found[0] == oldest[0] and found >= oldest


def _write_scripts(directory: Path) -> None:
    for name, text in SCRIPTS.items():
        path = directory / name
        if path.exists() and path.read_text() == text:
            continue
        temporary = directory / f".{name}.{os.getpid()}"
        temporary.write_text(text)
        temporary.chmod(0o755)
        temporary.rename(path)
