"""Files of PyPI packages, fetched by pip into `<cache>/downloads`, and venvs made from lock files."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from providers.local.artifacts.cache import directory, sha256_of, size_below
from providers.local.artifacts.client import READ_SECONDS, Download, Progress, retrying, run
from providers.local.artifacts.errors import ChecksumError, FetchError

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


def fetch(part: dict[str, Any], cache: Path, progress: Progress) -> list[Path]:
    """The one file of a `pypi` part, verified."""
    (row,) = part["files"]
    requirement, name = str(part["requirement"]), str(row["file"])
    path = directory(cache, "downloads") / name
    for attempt in retrying(progress):
        with attempt:
            if not path.exists():
                with tempfile.TemporaryDirectory(prefix=".partial-", dir=path.parent) as scratch:
                    got = _download(requirement, name, str(row["sha256"]), int(row["size"]), Path(scratch), progress)
                    got.rename(path)
            actual = sha256_of(path)
            if actual != row["sha256"]:
                path.unlink()
                raise ChecksumError(requirement, name, str(row["sha256"]), actual)
    return [path]


def _download(requirement: str, name: str, sha256: str, size: int, scratch: Path, progress: Progress) -> Path:
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{requirement} --hash=sha256:{sha256}\n")
    target = directory(scratch, "target")
    options = ["--require-hashes", "-r", str(requirements)]
    pip_download(requirement, [*_tags(name), *options], name, size, scratch, target, progress)
    path = target / name
    if not path.exists():
        raise FetchError(f"{requirement}: pip ended well but left no {name}. Run again.")
    return path


def pip_download(
    requirement: str, arguments: list[str], name: str, size: int, scratch: Path, target: Path, progress: Progress
) -> None:
    """Run `pip download` of one file into `target`, with all that it writes below `scratch`."""
    temporary = directory(scratch, "tmp")
    (directory(scratch, "backend") / "setuptools").mkdir()
    (scratch / "backend" / "setuptools" / "__init__.py").touch()
    (scratch / "backend" / "setuptools" / "build_meta.py").write_text(_BACKEND)

    def arrived() -> int:
        return sum(file.stat().st_size for file in temporary.glob(f"pip-*/{name}")) if name else size_below(scratch)

    watch = Download(f"downloading {name}", size, arrived, progress) if size else arrived
    options = ["--no-deps", "--no-cache-dir", "--no-build-isolation", "--use-pep517", "--progress-bar=off"]
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(scratch / "backend")}
    run(
        requirement,
        [*_pip(), "download", *options, "-d", str(target), *arguments],
        environment=environment,
        activity=watch,
    )


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", f"--timeout={READ_SECONDS}", "--retries=3"]


def _tags(name: str) -> list[str]:
    """Options that let pip accept a wheel that is built for another Python than the one that runs it:
    only its files are of use here."""
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
    """A venv at `target` with exactly the packages of `requirements` (hashes required).

    A venv cannot be moved, so it is built in place and marked at its end; the caller holds its lock.
    """
    marker = target / ".complete"
    if marker.exists():
        return
    for attempt in retrying(progress):
        with attempt:
            if target.exists():
                shutil.rmtree(target)
            progress(f"making a venv for {requirements.parent.name}")
            nothing = {**os.environ}
            run(str(target), [sys.executable, "-m", "venv", str(target)], environment=nothing, activity=int)
            environment = {**os.environ, "PIP_CACHE_DIR": str(directory(cache, "pip"))}
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            pip = [str(target / "bin" / "python"), "-m", *_pip()[2:]]
            install = ["install", "--no-deps", "--require-hashes", "--progress-bar=off", "-r", str(requirements)]
            run(
                str(requirements),
                [*pip, *install],
                environment=environment,
                activity=lambda: size_below(target) + size_below(cache / "pip"),
            )
    marker.touch()
