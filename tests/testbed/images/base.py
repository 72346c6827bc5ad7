"""The base layer that all images share: a small Debian, from this machine's apt sources."""

import functools
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from providers.local.artifacts import Progress
from providers.local.artifacts.client import run
from providers.local.artifacts.errors import FetchError
from tests.testbed.errors import ImageError
from tests.testbed.images.layers import Layer, keep, key_of

_PACKAGES = ("ca-certificates", "libstdc++6", "python3", "tzdata")
"""Beside what Debian calls essential (bash, coreutils, findutils, grep, sed, …)."""

# What a server has no use for, a third of the whole.
_LEFT_OUT = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "var/cache/apt",
    "var/lib/apt",
)
_FIELDS = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)"


def layer(cache: Path, progress: Progress, further: tuple[str, ...] = ()) -> Layer:
    """Return the base layer with `further` packages. mmdebstrap makes it once for each set of apt sources."""
    sources, packages = _sources(), (*_PACKAGES, *further)
    suite = sources[0].split()[-2]

    def write(file: Path) -> None:
        progress(f"images: making a minimal Debian {suite} (a minute or two)")
        with tempfile.TemporaryDirectory() as scratch:
            listed = Path(scratch, "sources.list")
            listed.write_text("".join(f"{line}\n" for line in sources))
            command = [
                "mmdebstrap",
                "--variant=essential",
                "--mode=root",
                "--format=tar",
                f"--include={','.join(packages)}",
                *(f"--aptopt={line}" for line in _apt_options()),
                *(f'--customize-hook=rm -rf "$1/{path}"' for path in _LEFT_OUT),
                suite,
                str(file),
                str(listed),
            ]
            environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "TMPDIR": scratch}
            try:
                run("the images' Debian", command, environment=environment, activity=None)
            except FetchError as error:
                raise ImageError(f"the base layer of the images cannot be made: {error}") from error

    return keep(key_of(["debian", sources, packages, _LEFT_OUT]), cache, write)


def has(debian: Layer, path: str) -> bool:
    """Return whether the base layer contains the file `path`, relative to its root."""
    return f"./{path}" in _contents(debian)


@functools.cache
def read(debian: Layer, path: str) -> str:
    """Return the text of the file `path` in the base layer."""
    with tarfile.open(debian.path) as archive:
        stream = archive.extractfile(f"./{path}")
        if stream is None:
            raise ImageError(f"the base layer {debian.path} has no file {path}. Remove it and run again.")
        return stream.read().decode()


@functools.cache
def _contents(debian: Layer) -> frozenset[str]:
    with tarfile.open(debian.path) as archive:
        return frozenset(archive.getnames())


def _sources() -> list[str]:
    """Return apt's sources of Debian as lines of a sources.list, the release itself first."""
    command = ["apt-get", "indextargets", "--format", _FIELDS, "Created-By: Packages"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ImageError(
            f"apt's sources cannot be listed: {error}. The images need a Debian with apt."
        ) from error
    lines: dict[str, None] = {}
    for origin, address, suite, component, signed in (row.split("|") for row in listed.splitlines()):
        if origin == "Debian":
            # An absent field is printed as its own name.
            option = f"[signed-by={signed}] " if signed.startswith("/") else ""
            lines[f"deb {option}{address} {suite} {component}"] = None
    if not lines:
        raise ImageError(
            "apt knows no package lists of Debian. Run 'apt-get update'; on another distribution than "
            "Debian the images cannot be made."
        )
    return sorted(lines, key=lambda line: len(line.split()[-2]))


def _apt_options() -> list[str]:
    """Return this machine's apt settings of proxies and certificates, which mmdebstrap does not read."""
    dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    wanted = ("Acquire::http", "Acquire::https")
    return [line for line in dumped.splitlines() if line.startswith(wanted) and '""' not in line]
