"""Finding the engine, or building it from its Go modules.

Any `pulumi` on PATH of a compatible version that brings its own language host is the user's and is
used as it is. Otherwise one is built, once, into the shared cache, with scripts beside the binary
that start the language host of the checkout at work.
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
"""Of the engine that is built, of the SDK in requirements.txt, and the oldest that is compatible."""
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
"""The engine takes what stands beside its binary as bundled: no PATH entry, no warning."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """A `pulumi` executable; `ours` when it was built here."""

    executable: Path
    ours: bool


def built_engine(cache: Path) -> Engine:
    """Where the engine of this version is, or will be, in the cache."""
    recipe = hashlib.sha256(LDFLAGS.encode())
    for name in ("go.mod", "go.sum", "tools.go"):
        recipe.update((MODULE / name).read_bytes())
    return Engine(
        cache / "engine" / f"pulumi-{VERSION}-{recipe.hexdigest()[:12]}" / "bin" / "pulumi", ours=True
    )


def official_engine(environment: Mapping[str, str], cache: Path) -> Engine | None:
    """The user's own `pulumi`, if it is compatible and has a language host."""
    path = environment.get("PATH", os.defpath)
    kept = [entry for entry in path.split(os.pathsep) if not Path(entry).is_relative_to(cache)]
    found = shutil.which("pulumi", path=os.pathsep.join(kept))
    if not found or not _has_language_host(Path(found), os.pathsep.join(kept)):
        return None
    answer = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
    return Engine(Path(found), ours=False) if _is_compatible(answer.stdout) else None


def find(environment: Mapping[str, str], cache: Path) -> Engine | None:
    """The user's engine, else the one built before, else None."""
    if official := official_engine(environment, cache):
        return official
    built = built_engine(cache)
    if not built.executable.exists():
        return None
    _write_scripts(built.executable.parent)
    return built


def build(cache: Path, progress: Progress) -> Engine:
    """Build the engine into the cache (about five minutes on two cores, and 4 GiB of Go caches)."""
    from providers.local.artifacts import go

    engine = built_engine(cache)
    before = os.umask(0o022)  # Whoever may write in the cache decides what others run.
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
