"""The software cache on disk. A directory in it is complete, or is not there."""

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
    """Returns the directory made of `parts`, which it creates when it is missing.

    Every user may read it whatever the umask is, since servers run unprivileged.
    """
    path = Path(*parts)
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        folder.chmod(0o755)
    return path


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def size_below(path: Path) -> int:
    """Returns how many bytes the files below `path` hold. Files that vanish meanwhile do not count."""
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
def hold_lock(target: Path, progress: Callable[[str], None] | None = None) -> Iterator[None]:
    """Holds the lock of `target` for the block, and waits while another process holds it.

    The system releases the lock when its holder dies.
    """
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
    """Makes a temporary directory beside `target`, and removes it when the block ends.

    The caller holds the lock of `target`, so that the directories of killed runs can be removed first.
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
def atomic_directory(target: Path) -> Iterator[Path]:
    """Makes a temporary directory that becomes `target` when the block succeeds, and is removed when it
    fails.

    The caller holds the lock of `target`.
    """
    with scratch_beside(target) as scratch:
        yield scratch
        _set_modes(scratch)
        scratch.rename(target)


def _set_modes(top: Path) -> None:
    """Lets every user read and only the owner write, whatever the umask and the archive say: an unprivileged
    server shares the cache with root, and root runs what lies here."""
    for _, _, files, folder in os.fwalk(top):
        os.fchmod(folder, 0o755)
        for name in files:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            mode = 0o755 if found.st_mode & 0o100 else 0o644
            if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) != mode:
                os.chmod(name, mode, dir_fd=folder)
