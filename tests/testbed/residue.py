"""Removes what the kubelet leaves of pods: mounts below the testbed's directory, and links to their logs."""

import contextlib
import shutil
import subprocess
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_LOG_LINKS = Path("/var/log/containers")


def mounts(directory: Path) -> list[Path]:
    """Return the mount points below `directory`, the innermost first."""
    places = [line.split()[1].encode().decode("unicode_escape") for line in _MOUNTS.read_text().splitlines()]
    return [Path(place) for place in reversed(places) if Path(place).is_relative_to(directory)]


def unmount(directory: Path) -> None:
    """Unmount everything below `directory`. A mount that is in use is detached, and ends when it is no longer
    used."""
    while found := mounts(directory):
        for place in found:
            subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)
        if mounts(directory) == found:
            break


def links(directory: Path) -> list[Path]:
    """Return the links to the logs of the testbed's containers."""
    if not _LOG_LINKS.is_dir():
        return []
    return [
        link
        for link in _LOG_LINKS.iterdir()
        if link.is_symlink() and link.readlink().is_relative_to(directory)
    ]


def remove(directory: Path) -> None:
    """Remove `directory` with its content, and the links into it."""
    for link in links(directory):
        link.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(directory)
