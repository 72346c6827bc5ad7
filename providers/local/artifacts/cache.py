"""The software cache on disk: where things are, and how a directory appears in it whole or not at all."""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = ".partial-"


def directory(*parts: Path | str) -> Path:
    """The directory made of `parts`, created when missing, open to an unprivileged server whatever
    the umask is."""
    path = Path(*parts)
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        folder.chmod(0o755)
    return path


def sha256_of(path: Path) -> str:
    """The hexadecimal sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def size_below(path: Path) -> int:
    """The bytes of the files below `path`; files that vanish meanwhile count as nothing."""
    total = 0
    pending = [path]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except (FileNotFoundError, NotADirectoryError):
            continue
    return total


@contextmanager
def locked(target: Path, progress: Callable[[str], None] | None = None) -> Iterator[None]:
    """Be the only one to work on `target`. The system releases the lock when its holder dies."""
    directory(target.parent)
    with target.with_name(f".{target.name}.lock").open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if progress:
                progress(f"waiting for another run that works on {target.name}")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch_beside(target: Path) -> Iterator[Path]:
    """A directory beside `target` that is gone at the end of the block.

    The caller holds the lock of `target`, so that those left by a killed run can be removed.
    """
    directory(target.parent)
    prefix = f"{_TEMPORARY}{target.name}-"
    for stale in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(stale)
    scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A scratch directory that becomes `target` when the block ends well, and vanishes otherwise.

    The caller holds the lock of `target`.
    """
    with scratch_beside(target) as scratch:
        yield scratch
        _set_modes(scratch)
        scratch.rename(target)


def _set_modes(top: Path) -> None:
    """Let every user read and only the owner write, whatever the umask and the archive say: a server that
    runs unprivileged shares the cache with root, and root runs what lies here."""
    for _, _, files, folder in os.fwalk(top):
        os.fchmod(folder, 0o755)
        for name in files:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            mode = 0o755 if found.st_mode & 0o100 else 0o644
            if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) != mode:
                os.chmod(name, mode, dir_fd=folder)
