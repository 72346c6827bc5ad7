"""Makes layers of images: tar files in the cache, each named by the digest of its inputs."""

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from providers.local.artifacts.cache import directory, hold_lock, scratch_beside, sha256_of

_FORMAT = 2  # Raise it when the same inputs come to make another layer.


@dataclass(frozen=True)
class Layer:
    """An uncompressed layer: its file, its sha256 and its size in bytes."""

    path: Path
    digest: str
    size: int


@dataclass(frozen=True)
class Tree:
    """The files below `source`, placed below `target`. `identity` represents them in the layer's key.
    Top-level names in `without` are left out."""

    source: Path
    target: str
    identity: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A file with this text."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True)
class Program:
    """The executable `source`, placed at `path`. `identity` represents it in the layer's key."""

    source: Path
    path: str
    identity: str


@dataclass(frozen=True)
class Symlink:
    path: str
    target: str


@dataclass(frozen=True)
class Folder:
    """An empty directory that belongs to the user `owner`."""

    path: str
    owner: int = 0
    mode: int = 0o755


Part = Tree | Text | Program | Symlink | Folder


def make(parts: Sequence[Part], cache: Path) -> Layer:
    """Return the layer that contains `parts`. Everything belongs to root, except for a Folder with an
    owner."""
    return keep(key_of([_inputs(part) for part in parts]), cache, lambda file: write(parts, file))


def key_of(inputs: object) -> str:
    """Return the name in the cache of a layer that is made from `inputs`."""
    return hashlib.sha256(json.dumps([_FORMAT, inputs], sort_keys=True).encode()).hexdigest()[:16]


def keep(key: str, cache: Path, fill: Callable[[Path], None]) -> Layer:
    """Return the layer of this key from the cache. If it is missing, call `fill` with the path of the file to
    write."""
    kept = directory(cache, "testbed", "layers") / key
    with hold_lock(kept):
        record = kept / "layer.json"
        if not record.exists():
            with scratch_beside(kept) as scratch:
                fill(scratch / "layer.tar")
                size = (scratch / "layer.tar").stat().st_size
                described = {"digest": sha256_of(scratch / "layer.tar"), "size": size}
                (scratch / "layer.json").write_text(json.dumps(described))
                kept.mkdir(exist_ok=True)
                for name in ("layer.tar", "layer.json"):
                    (scratch / name).rename(kept / name)
        described = json.loads(record.read_text())
    return Layer(kept / "layer.tar", described["digest"], described["size"])


def _inputs(part: Part) -> list[object]:
    match part:
        case Tree():
            return ["tree", part.identity, part.target, part.without]
        case Text():
            return ["text", part.path, part.text, part.mode]
        case Program():
            return ["program", part.identity, part.path]
        case Symlink():
            return ["symlink", part.path, part.target]
        case Folder():
            return ["folder", part.path, part.owner, part.mode]


def write(parts: Sequence[Part], file: Path) -> None:
    """Write `parts` as the tar file `file`. The same parts give the same bytes."""
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as archive:
        present: set[str] = set()
        for part in parts:
            match part:
                case Tree():
                    _add_parents(archive, f"{part.target}/any", present)
                    for path, name in _below(part):
                        _add_file(archive, path, name)
                case Text():
                    _add_parents(archive, part.path, present)
                    row = _row(part.path, part.mode)
                    row.size = len(part.text.encode())
                    archive.addfile(row, io.BytesIO(part.text.encode()))
                case Program():
                    _add_parents(archive, part.path, present)
                    _add_file(archive, part.source, part.path)
                case Symlink():
                    _add_parents(archive, part.path, present)
                    row = _row(part.path, 0o777, tarfile.SYMTYPE)
                    row.linkname = part.target
                    archive.addfile(row)
                case Folder():
                    _add_parents(archive, part.path, present)
                    row = _row(part.path, part.mode, tarfile.DIRTYPE)
                    row.uid = row.gid = part.owner
                    archive.addfile(row)


def _below(tree: Tree) -> Iterator[tuple[Path, str]]:
    for folder, folders, files in os.walk(tree.source):
        here = Path(folder)
        if here == tree.source:
            folders[:] = [name for name in folders if name not in tree.without]
            files = [name for name in files if name not in tree.without]
        folders.sort()
        for name in sorted([*folders, *files]):
            path = here / name
            if name != "__pycache__":
                yield path, f"{tree.target}/{path.relative_to(tree.source)}"
        folders[:] = [name for name in folders if name != "__pycache__"]


def _add_file(archive: tarfile.TarFile, path: Path, name: str) -> None:
    status = path.lstat()
    row = _row(name, 0o755 if stat.S_ISDIR(status.st_mode) or status.st_mode & 0o100 else 0o644)
    # Kept to the second: a JVM's class-data archive is void when a jar is not of the time it noted.
    row.mtime = int(status.st_mtime)
    if stat.S_ISLNK(status.st_mode):
        row.type, row.linkname, row.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
        archive.addfile(row)
    elif stat.S_ISDIR(status.st_mode):
        row.type, row.mtime = tarfile.DIRTYPE, 0
        archive.addfile(row)
    else:
        row.size = status.st_size
        with path.open("rb") as stream:
            archive.addfile(row, stream)


def _add_parents(archive: tarfile.TarFile, path: str, present: set[str]) -> None:
    """Add the directories above `path`, as the layers of a registry have them."""
    for parent in reversed(Path(path.lstrip("/")).parents):
        if str(parent) != "." and str(parent) not in present:
            present.add(str(parent))
            archive.addfile(_row(str(parent), 0o755, tarfile.DIRTYPE))


def _row(path: str, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    row = tarfile.TarInfo(path.lstrip("/"))
    row.mode, row.type = mode, kind
    return row
