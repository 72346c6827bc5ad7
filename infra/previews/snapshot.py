"""Makes temporary copies of the project, from the working tree or from a commit."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from infra.engine.checkout import Checkout
from infra.engine.stacks import ensure, known_stacks


class SnapshotError(Exception):
    """Git does not know a commit, or nobody has a stack, that the command line names."""


def copy_working_tree(source: Path, target: Path) -> Checkout:
    """Copies the files of the checkout `source` that Git tracks or would track into the directory `target`.
    Ignored files (the state, the stack files) are left out; stack files are made from their templates. Raises
    SnapshotError where `source` is no Git checkout."""
    listed = _git(source, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in listed.decode().split("\0"):
        path = source / name
        if name and path.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / name, follow_symlinks=False)
    return _prepared(source, target)


def unpack_commit(source: Path, reference: str, target: Path) -> Checkout:
    """Unpacks the commit that `reference` names in the checkout `source` into the directory `target`, and
    makes stack files from its templates. Raises SnapshotError when Git does not know it."""
    archive = _git(source, "archive", "--format=tar", reference)
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(target, filter="data")
    return _prepared(source, target)


def commit(source: Path, reference: str) -> str:
    """Returns the abbreviated hash of the commit that `reference` names. Raises SnapshotError when Git does
    not know it."""
    return _git(source, "rev-parse", "--short", f"{reference}^{{commit}}").decode().strip()


def stacks_of_commit(source: Path, reference: str) -> list[str]:
    """Returns the stacks that have a template in the commit that `reference` names, sorted. Raises
    SnapshotError when Git does not know it."""
    listed = _git(source, "ls-tree", "--name-only", reference, "stacks/").decode().splitlines()
    names = (Path(line).name.split(".") for line in listed)
    return sorted(parts[1] for parts in names if parts[0] == "Pulumi" and parts[2:] == ["template", "yaml"])


def _prepared(source: Path, target: Path) -> Checkout:
    """Links the Python packages of `source` into `target`, and makes a file for every stack that has a
    template."""
    (target / ".venv").symlink_to((source / ".venv").resolve())
    checkout = Checkout(target)
    for stack in known_stacks(checkout):
        ensure(checkout, stack)
    return checkout


def _git(directory: Path, *arguments: str) -> bytes:
    # A Git hook that runs this sets variables that name another repository.
    kept: Mapping[str, str] = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-C", str(directory), *arguments]
    ended = subprocess.run(command, env=dict(kept), capture_output=True, check=False)
    if ended.returncode:
        raise SnapshotError(
            f"`git {' '.join(arguments)}` failed in {directory}: {ended.stderr.decode().strip()}. "
            "Fetch the base (git fetch origin main), or name another with BASE=<ref>."
        )
    return ended.stdout
