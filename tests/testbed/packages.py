"""The Debian packages that the testbed needs, installed when they are missing."""

import os
import shutil
import subprocess
from pathlib import Path

from providers.local.artifacts import Progress
from tests.testbed.errors import HostError

CNI_DIRECTORY = Path("/usr/lib/cni")
_NEEDED = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": str(CNI_DIRECTORY / "bridge"),
    "iptables": "iptables",
    "iproute2": "ip",
    "nftables": "nft",
    "conntrack": "conntrack",
    "mmdebstrap": "mmdebstrap",
}
"""A program of each package."""


def require_root() -> None:
    """Raise HostError unless this process is root's."""
    if os.geteuid() != 0:
        raise HostError(
            "The testbed's node needs root: it mounts, makes network interfaces and control groups. Run as "
            "root; --api-only needs none."
        )


def missing() -> list[str]:
    """Return the packages of which a program is missing."""
    return [package for package, program in _NEEDED.items() if shutil.which(program) is None]


def install(progress: Progress) -> None:
    """Install the missing packages with apt, without starting their daemons."""
    packages = missing()
    if not packages:
        return
    require_root()
    if shutil.which("apt-get") is None:
        raise HostError(f"Missing: {', '.join(packages)}. Install them; the testbed does it on Debian only.")
    progress(f"installing {', '.join(packages)} with apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        ended = subprocess.run(
            ["apt-get", "--quiet", *command], env=environment, capture_output=True, text=True
        )
        if ended.returncode:
            raise HostError(
                f"apt-get {' '.join(command)} ended with {ended.returncode}. Install the packages by hand. "
                f"Its last lines:\n{(ended.stdout + ended.stderr)[-1000:]}"
            )


def require() -> None:
    """Raise HostError when a package is missing."""
    if packages := missing():
        raise HostError(
            f"Debian packages are missing: {', '.join(packages)}. Run: python -m tests.testbed build"
        )
