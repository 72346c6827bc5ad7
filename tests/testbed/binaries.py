"""Builds the testbed's programs from their Go modules into the cache.

`go/<module>/` contains go.mod and go.sum, which are the lock, and a main package for a module that has none.
The programs are kept by the digest of those files: `<cache>/testbed/<digest>/bin`.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from providers.local.artifacts import ArtifactError, Progress, go
from providers.local.artifacts.cache import directory, hold_lock
from tests.testbed.errors import HostError, NotBuiltError

KUBERNETES_VERSION = "1.35.0"
SOURCES = Path(__file__).parent / "go"
_STRIPPED = "-s -w"


def _version_flags() -> str:
    """Return the linker flags with the version of a release build of Kubernetes, by which clients choose
    their requests."""
    major, minor, _ = KUBERNETES_VERSION.split(".")
    values = {"gitVersion": f"v{KUBERNETES_VERSION}", "gitMajor": major, "gitMinor": minor}
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())


@dataclass(frozen=True)
class Program:
    """A program of the testbed: the package `package` of the module in `go/<module>`."""

    name: str
    module: str
    package: str
    ldflags: str = _STRIPPED


def _kubernetes(name: str) -> Program:
    return Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", f"{_STRIPPED} {_version_flags()}")


API_PROGRAMS = (Program("etcd", "kubernetes", "./etcd"), _kubernetes("kube-apiserver"))
"""All that an API server needs."""

PROGRAMS = (
    *API_PROGRAMS,
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubelet"),
    _kubernetes("kube-proxy"),
    _kubernetes("kubectl"),
    Program("pause", "kubernetes", "./pause"),
    Program("coredns", "coredns", "./coredns"),
    Program("storage-provisioner", "node", "./storage-provisioner"),
    Program("network-policy", "node", "./network-policy"),
)


def binaries_directory(cache: Path) -> Path:
    """Return the directory of the programs that are built from the present sources."""
    digest = hashlib.sha256()
    for file in sorted(path for path in SOURCES.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(SOURCES)}\0".encode())
        digest.update(file.read_bytes())
    digest.update(repr(PROGRAMS).encode())
    return cache / "testbed" / digest.hexdigest()[:12] / "bin"


def missing(programs: Collection[Program], cache: Path) -> list[Program]:
    """Return the programs among `programs` that are not built yet."""
    home = binaries_directory(cache)
    return [program for program in programs if not (home / program.name).exists()]


def build(programs: Collection[Program], cache: Path, progress: Progress) -> Path:
    """Build the programs that are not built yet, each atomically, and return their directory."""
    home = directory(binaries_directory(cache))
    with hold_lock(home, progress):
        for program in missing(programs, cache):
            try:
                go.build(
                    program.package,
                    SOURCES / program.module,
                    home / program.name,
                    program.ldflags,
                    cache,
                    progress,
                )
            except ArtifactError as error:
                raise HostError(f"{program.name} of the testbed cannot be built: {error}") from error
    return home


def require(programs: Collection[Program], cache: Path) -> Path:
    """Return the directory of `programs`. Raises NotBuiltError when one is not built."""
    if lacking := missing(programs, cache):
        names = ", ".join(program.name for program in lacking)
        option = " --api-only" if set(programs) <= set(API_PROGRAMS) else ""
        raise NotBuiltError(
            f"{names} not built in {binaries_directory(cache)}. Run: python -m tests.testbed build{option}"
        )
    return binaries_directory(cache)
