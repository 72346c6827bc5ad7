"""Writes the executables by which an engine finds stand-ins on its PATH."""

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from infra.engine.checkout import HERE

_SCRIPT = """\
#!/bin/sh
# The stand-in for the provider plugin of this name, for one preview.
PYTHONPATH={root}
export PYTHONPATH
# -P: a folder named kubernetes where the engine runs must not hide the client.
exec {python} -P -u -m infra.plugins.standin {package} "$@"
"""


def write(directory: Path, packages: Iterable[str]) -> None:
    """Writes an executable `pulumi-resource-<package>` for each of `packages` into `directory`, which is
    made. The caller puts that directory on the PATH of one preview, and removes it afterwards."""
    directory.mkdir(parents=True, exist_ok=True)
    for package in packages:
        path = directory / f"pulumi-resource-{package}"
        root, python = shlex.quote(str(HERE.root)), shlex.quote(sys.executable)
        path.write_text(_SCRIPT.format(root=root, python=python, package=shlex.quote(package)))
        path.chmod(0o755)
