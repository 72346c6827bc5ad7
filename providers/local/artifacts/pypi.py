"""Fetches files of PyPI packages into `<cache>/downloads` by pip, and makes venvs from lock files."""

import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from providers.local.artifacts import trust
from providers.local.artifacts.cache import directory, hold_lock, scratch_beside, sha256_of, size_below
from providers.local.artifacts.client import READ_SECONDS, retrying, run
from providers.local.artifacts.errors import ChecksumError, FetchError
from providers.local.artifacts.lock import LockedFile, LockedPart
from providers.local.artifacts.progress import Download, Progress

# pip insists on preparing the metadata of a source archive, which runs its setup.py with build
# requirements that no lock names. The archive carries that metadata: this backend hands it over.
_BACKEND = """
import email, pathlib, shutil

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    metadata = email.message_from_string(pathlib.Path("PKG-INFO").read_text(encoding="utf-8"))
    folder = pathlib.Path(metadata_directory, f"{metadata['Name']}-{metadata['Version']}.dist-info")
    folder.mkdir()
    shutil.copy("PKG-INFO", folder / "METADATA")
    return folder.name

class __legacy__:
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
"""


def fetch(part: LockedPart, cache: Path, progress: Progress) -> list[Path]:
    """Fetches the file of a `pypi` part and verifies it. Raises FetchError."""
    (row,) = part["files"]
    requirement, name = str(part["requirement"]), str(row["file"])
    path = directory(cache, "downloads") / name
    with hold_lock(path, progress):
        for attempt in retrying(progress):
            with attempt:
                if not path.exists():
                    with scratch_beside(path) as scratch:
                        _download(requirement, row, scratch, progress).rename(path)
                actual = sha256_of(path)
                if actual != row["sha256"]:
                    path.unlink()
                    raise ChecksumError(requirement, name, str(row["sha256"]), actual)
    return [path]


def _download(requirement: str, row: LockedFile, scratch: Path, progress: Progress) -> Path:
    name = str(row["file"])
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{requirement} --hash=sha256:{row['sha256']}\n")
    temporary = directory(scratch, "tmp")

    def arrived() -> int:
        return sum(file.stat().st_size for file in temporary.glob(f"pip-*/{name}"))

    watch = Download(f"downloading {name}", int(row["size"]), arrived, progress)
    path = pip_download(
        requirement, [*_tags(name), "--require-hashes", "-r", str(requirements)], scratch, watch
    )
    if path.name != name:
        raise FetchError(
            f"{requirement}: pip fetched {path.name}, the lock has {name}. Run `make lock` to accept it."
        )
    return path


def pip_download(
    requirement: str, arguments: list[str], scratch: Path, activity: Callable[[], int] | None = None
) -> Path:
    """Runs `pip download` with all that it writes below `scratch`, and returns the one file that it fetched.

    Raises FetchError.
    """
    temporary, target = directory(scratch, "tmp"), directory(scratch, "target")
    backend = directory(scratch, "backend", "setuptools")
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(_BACKEND)
    options = ["--no-deps", "--no-cache-dir", "--no-build-isolation", "--use-pep517", "--progress-bar=off"]
    run(
        requirement,
        [*_PIP, "download", *options, "-d", str(target), *arguments],
        environment={**trust.pip_environment(), "TMPDIR": str(temporary), "PYTHONPATH": str(backend.parent)},
        activity=activity or partial(size_below, scratch),
    )
    found = list(target.iterdir())
    if len(found) != 1:
        raise FetchError(
            f"{requirement}: pip succeeded with {len(found)} files; it should fetch one. Run again."
        )
    return found[0]


_PIP = (
    sys.executable,
    "-m",
    "pip",
    "--disable-pip-version-check",
    f"--timeout={READ_SECONDS}",
    "--retries=3",
)


def _tags(name: str) -> list[str]:
    """Returns the options that let pip fetch a wheel for another Python than the one that runs: its files are
    used, and nothing imports them."""
    if not name.endswith(".whl"):
        return []
    python, abi, platforms = name.removesuffix(".whl").rsplit("-", 3)[1:]
    tags = ["--only-binary=:all:", f"--abi={abi}"]
    tags += [f"--platform={platform}" for platform in platforms.split(".")]
    implementation, version = python[:2], python[2:]
    tags += [f"--implementation={implementation}"]
    if len(version) > 1:
        tags += [f"--python-version={version[0]}.{version[1:]}"]
    return tags


def make_venv(requirements: Path, target: Path, cache: Path, progress: Progress) -> None:
    """Makes a venv at `target` with exactly the packages of the lock file `requirements`.

    A venv cannot be moved, so it is made in place; a file `.complete` marks it at the end. The caller holds
    the lock of `target`. Raises FetchError.
    """
    marker = target / ".complete"
    if marker.exists():
        return
    for attempt in retrying(progress):
        with attempt:
            if target.exists():
                shutil.rmtree(target)
            progress(f"making a venv with the packages of {requirements.parent.name}")
            run(
                str(target),
                [sys.executable, "-m", "venv", str(target)],
                environment=os.environ,
                activity=None,
                remedy="Install Python's venv module (Debian: apt install python3-venv) and run again.",
            )
            environment = {**trust.pip_environment(), "PIP_CACHE_DIR": str(directory(cache, "pip"))}
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--progress-bar=off"]
            run(
                str(requirements),
                [str(target / "bin" / "python"), *_PIP[1:], "install", *options, "-r", str(requirements)],
                environment=environment,
                activity=lambda: size_below(target) + size_below(cache / "pip"),
            )
    marker.touch()
