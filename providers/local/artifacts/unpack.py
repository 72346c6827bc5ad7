"""Unpacks archives (tar, zip, jar, wheel) with their executable bits, and never outside the target."""

import copy
import errno
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from providers.local.artifacts.errors import UnpackError

_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, EOFError, OSError)


@dataclass(frozen=True)
class Member:
    """A choice of files in an archive, and the folder `into` that they are put into.

    It chooses the files below the folder `prefix`, or all files when that is empty. `strip` leading path
    components are removed before `prefix` is looked for.
    """

    prefix: str
    into: str
    strip: int = 0


def extract(archive: Path, target: Path, members: Sequence[Member]) -> None:
    """Unpacks `members` of `archive` below `target`, in one pass.

    Raises UnpackError when the archive is damaged or has no file for one of the members.
    """
    try:
        if zipfile.is_zipfile(archive):
            found = _extract_zip(archive, target, members)
        else:
            with tarfile.open(archive) as tar:
                found = _extract_tar(tar, target, members)
    except _DAMAGED as error:
        raise _failed(archive, error) from error
    _demand_all(archive.name, members, found)


def extract_inner(archive: Path, inner: str, target: Path, member: Member) -> None:
    """Unpacks the tar archive that is called `inner` in the zip or jar `archive` below `target`.

    Raises UnpackError when an archive is damaged, or `inner` or `member` is not there.
    """
    try:
        with zipfile.ZipFile(archive) as outer, outer.open(inner) as stream, _open_tar(stream) as tar:
            found = _extract_tar(tar, target, [member])
    except KeyError as error:
        raise UnpackError(f"{archive.name} has no file {inner}. Correct the software table.") from error
    except _DAMAGED as error:
        raise _failed(archive, error) from error
    _demand_all(archive.name, [member], found)


def _failed(archive: Path, error: Exception) -> UnpackError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UnpackError(f"{archive} cannot be unpacked: no space is left. Free some and run again.")
    return UnpackError(f"{archive} cannot be unpacked: {error}. Delete it and run again.")


def _open_tar(stream: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="r:*")


def _extract_tar(tar: tarfile.TarFile, target: Path, members: Sequence[Member]) -> set[Member]:
    found: set[Member] = set()
    for info in tar:
        for member, path in _targets(info.name, members):
            found.add(member)
            moved = copy.copy(info)  # TarInfo.replace is newer than Debian 12's Python 3.11.2
            moved.name = str(path)
            if info.islnk():
                linked = [place for other, place in _targets(info.linkname, members) if other == member]
                if not linked:
                    raise UnpackError(
                        f"{info.name} links to {info.linkname}, which is not unpacked. "
                        "Correct the software table."
                    )
                moved.linkname = str(linked[0])
            _extract_one(tar, moved, target)
    return found


def _extract_one(tar: tarfile.TarFile, info: tarfile.TarInfo, target: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        tar.extract(info, target, filter="data")
        return
    # Debian 12's Python 3.11.2 predates the filter: the same rules, for what our archives hold.
    place = _inside(target, PurePosixPath(info.name))
    if info.issym():
        _inside(target, PurePosixPath(os.path.relpath(place.parent, target), info.linkname))
    elif info.islnk():
        _inside(target, PurePosixPath(info.linkname))
    elif not info.isreg() and not info.isdir():
        raise UnpackError(f"{info.name} is a device or a pipe. Do not use this archive.")
    info.uid, info.gid, info.uname, info.gname = os.getuid(), os.getgid(), "", ""
    info.mode = 0o755 if info.isdir() or info.mode & stat.S_IXUSR else 0o644
    tar.extract(info, target)


def _extract_zip(archive: Path, target: Path, members: Sequence[Member]) -> set[Member]:
    found: set[Member] = set()
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            if info.is_dir():
                continue
            for member, path in _targets(info.filename, members):
                found.add(member)
                place = _inside(target, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                with zipped.open(info) as source, place.open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
                if (info.external_attr >> 16) & stat.S_IXUSR:
                    place.chmod(0o755)
    return found


def _targets(name: str, members: Sequence[Member]) -> Iterator[tuple[Member, PurePosixPath]]:
    """Returns each member that the entry `name` belongs to, with the path of the entry below the target."""
    for member in members:
        parts = PurePosixPath(name).parts[member.strip :]
        prefix = PurePosixPath(member.prefix).parts
        rest = parts[len(prefix) :]
        if parts[: len(prefix)] == prefix and rest:
            yield member, PurePosixPath(member.into, *rest)


def _inside(target: Path, path: PurePosixPath) -> Path:
    place = Path(os.path.normpath(target / path))
    if not place.is_relative_to(target):
        raise UnpackError(f"{path} in the archive lies outside the target. Do not use this archive.")
    return place


def _demand_all(archive: str, members: Sequence[Member], found: set[Member]) -> None:
    missing = [member.prefix or "any file" for member in members if member not in found]
    if missing:
        raise UnpackError(f"{archive} has no {', '.join(missing)}. Correct the software table.")
