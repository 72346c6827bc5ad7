"""The Python packages: the lock beside each requirements.txt, and the wheels of the software table, by uv."""

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from components.software.model import Software, Wheel
from components.software.toolchain import GO_PACKAGE, PYTHON
from infra.versions.releases import Newer, Pin
from providers.local.artifacts.client import run
from providers.local.artifacts.errors import FetchError
from providers.local.artifacts.trust import private_bundle

REQUIREMENTS = "requirements.txt"
_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[\w,]+\])?==([^\s;]+)", re.MULTILINE)


def requirement_files(root: Path) -> list[Path]:
    """Returns each file of requirements below `root`, relative to it: the project's, then its apps'."""
    apps = sorted(path.relative_to(root) for path in (root / "apps").rglob(REQUIREMENTS))
    return [Path(REQUIREMENTS), *apps]


def lock_of(requirements: Path) -> Path:
    """Returns the lock beside a file of requirements."""
    return requirements.with_suffix(".lock")


def renew(root: Path, requirements: Path, upgrade: bool = False) -> None:
    """Resolves `requirements` (relative to `root`) into the lock beside it, with the hashes of all files.

    The apps name packages only: their versions are those of the project's requirements. Packages that are not
    named keep their locked version as long as it fits; `upgrade` takes the newest ones. Raises FetchError.
    """
    options = ["--universal", "--generate-hashes", "--output-file", str(lock_of(requirements))]
    if requirements != Path(REQUIREMENTS):
        options += ["--constraint", REQUIREMENTS]
    _compile(root, str(requirements), [str(requirements), *options, *(["--upgrade"] if upgrade else [])])


def newer(root: Path, rows: Iterable[Software]) -> list[Newer]:
    """Returns what PyPI has newer releases of, for the oldest supported Python. Raises FetchError."""
    pins = list(_pins(root, rows))
    newest = _newest(root, sorted({pin.name for pin in pins}))
    # PyPI tells neither case nor "-", "_" and "." in a name apart.
    return [Newer(pin, newest[_normal(pin.name)]) for pin in pins if newest[_normal(pin.name)] != pin.version]


def _pins(root: Path, rows: Iterable[Software]) -> Iterator[Pin]:
    """Returns one pin for each package and version: what requirements.txt names counts as pinned there."""
    named = {_normal(name) for name, _ in _PINNED.findall((root / REQUIREMENTS).read_text(encoding="utf-8"))}
    locked = sorted(
        (name, version, REQUIREMENTS if _normal(name) in named else str(lock_of(requirements)))
        for requirements in requirement_files(root)
        for name, version in _PINNED.findall((root / lock_of(requirements)).read_text(encoding="utf-8"))
    )
    for (name, version), group in groupby(locked, key=lambda pin: pin[:2]):
        yield Pin(name, version, ", ".join(dict.fromkeys(place for _, _, place in group)))
    wheels = {
        part.requirement: f"software table: {row.name}"
        for row in rows
        for part in row.parts
        if isinstance(part, Wheel)
    }
    for requirement, place in {**wheels, GO_PACKAGE: "components/software/toolchain.py"}.items():
        name, _, version = requirement.partition("==")
        yield Pin(name, version, place)


def _newest(root: Path, names: Sequence[str]) -> Mapping[str, str]:
    """Returns the newest release of each package that runs on the oldest supported Python, without its
    dependencies: uv resolves the bare names."""
    with tempfile.TemporaryDirectory() as scratch:
        bare = Path(scratch, "names.txt")
        bare.write_text("\n".join(names) + "\n", encoding="utf-8")
        printed = _compile(root, "newer releases", [str(bare), "--no-deps", "--no-annotate"])
    found = {_normal(name): version for name, version in _PINNED.findall(printed)}
    if missing := [name for name in names if _normal(name) not in found]:
        raise FetchError(f"uv says nothing of {', '.join(missing)}. Run it again with a newer uv.")
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _compile(root: Path, subject: str, arguments: Sequence[str]) -> str:
    bundle = private_bundle()
    trusted = {} if bundle is None else {"SSL_CERT_FILE": str(bundle)}
    options = ["--quiet", "--no-header", "--python-version", PYTHON]
    return run(
        subject,
        [sys.executable, "-m", "uv", "pip", "compile", *options, *arguments],
        environment={**os.environ, **trusted},
        activity=None,
        directory=root,
    )
