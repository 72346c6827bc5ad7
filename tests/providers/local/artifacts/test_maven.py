"""Maven's files, with a stand-in for mvn that copies from a folder: what is asked of it, and what is
made of its answers. The real client serves the end-to-end tests."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from providers.local.artifacts import FetchError, install
from providers.local.artifacts.maven import closure_directory, fetch, fetch_closure, newer_releases, path_of

_COORDINATES = "org.example:server:1.0:jar"
_MVN = """\
#!/bin/sh
echo "$@" >> "$LOG"
case "$MAVEN_OPTS" in *@*) cat "${MAVEN_OPTS##*@}" >> "$LOG.java" ;; esac
for argument; do
    case "$argument" in
        -DoutputDirectory=*) cp "$REMOTE"/closure/* "${argument#*=}"; exit ;;
        -Dversions.outputFile=*) cat "$REMOTE/warnings"; cp "$REMOTE/newer" "${argument#*=}"; exit ;;
        -Dartifact=*) mkdir -p "$LOCAL" && cp "$REMOTE/server-1.0.jar" "$LOCAL/"; exit ;;
    esac
done
"""


@pytest.fixture
def remote(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for the repositories; mvn's calls are noted in `log` beside it."""
    folder = tmp_path / "remote"
    (folder / "closure").mkdir(parents=True)
    (folder / "closure" / "a.jar").write_bytes(b"a")
    (folder / "server-1.0.jar").write_bytes(b"server")
    program = tmp_path / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text(_MVN)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("REMOTE", str(folder))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("LOCAL", str(path_of(_COORDINATES, cache).parent))
    monkeypatch.setenv("NEBULA_RETRY_SECONDS", "0")
    monkeypatch.delenv("MAVEN_OPTS", raising=False)
    cache.mkdir()
    return folder


def _row(name: str, content: bytes) -> dict[str, Any]:
    return {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _part(content: bytes) -> dict[str, Any]:
    files = [_row("server-1.0.jar", content)]
    return {"kind": "maven", "coordinates": _COORDINATES, "into": "lib", "unpack": False, "files": files}


def _closure(**files: bytes) -> dict[str, Any]:
    rows = [_row(f"{name}.jar", content) for name, content in files.items()]
    return {"kind": "closure", "coordinates": ["org.example:server:1.0"], "into": "libs", "files": rows}


@pytest.mark.parametrize(
    ("coordinates", "expected"),
    [
        ("org.example:server:1.0:jar", "org/example/server/1.0/server-1.0.jar"),
        ("org.example:server:1.0:runner:jar", "org/example/server/1.0/server-1.0-runner.jar"),
        ("org.example:dist:1.0:tar.gz", "org/example/dist/1.0/dist-1.0.tar.gz"),
    ],
)
def test_files_are_where_maven_keeps_them(cache: Path, coordinates: str, expected: str) -> None:
    assert path_of(coordinates, cache) == cache / "maven" / expected


def test_a_verified_file_is_put_into_the_home_once(remote: Path, cache: Path, tmp_path: Path) -> None:
    home = install("server", "1.0", [_part(b"server")], cache, list[str]().append)
    jar = home / "lib" / "server-1.0.jar"
    assert jar.samefile(path_of(_COORDINATES, cache)), "a copy takes its space twice"
    calls = (tmp_path / "log").read_text().splitlines()
    assert len(calls) == 2, "the plugin, then the file"
    assert f"-Dmaven.repo.local={cache / 'maven'}" in calls[1]


def test_an_altered_file_is_deleted_from_mavens_own_cache(remote: Path, cache: Path) -> None:
    with pytest.raises(FetchError, match=_COORDINATES):
        fetch(_part(b"something else"), cache, list[str]().append)
    assert not path_of(_COORDINATES, cache).exists()


def test_leftovers_of_a_killed_mvn_are_removed(remote: Path, cache: Path) -> None:
    leftover = path_of(_COORDINATES, cache).with_name("server-1.0.jar.123.tmp")
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    fetch(_part(b"server"), cache, list[str]().append)
    assert not leftover.exists()


def test_a_closure_is_exactly_the_locked_one(remote: Path, cache: Path) -> None:
    assert [path.name for path in fetch_closure(_closure(a=b"a"), cache, list[str]().append)] == ["a.jar"]


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a": b"a", "b": b"b"}, r"missing: b\.jar"),
        ({"b": b"b"}, r"not in the lock: a\.jar"),
        ({"a": b"other"}, r"a\.jar has the sha256 \w+, the lock says"),
    ],
)
def test_another_closure_is_refused_and_not_kept(
    remote: Path, cache: Path, files: dict[str, bytes], complaint: str
) -> None:
    with pytest.raises(FetchError, match=complaint):
        fetch_closure(_closure(**files), cache, list[str]().append)
    assert not closure_directory(["org.example:server:1.0"], cache).exists()


def test_a_proxy_s_password_is_in_no_command_line(
    remote: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:sentinel@proxy:3128")
    fetch(_part(b"server"), cache, list[str]().append)
    assert "sentinel" not in (tmp_path / "log").read_text()
    assert '"-Dhttps.proxyPassword=sentinel"' in (tmp_path / "log.java").read_text()
    assert all(file.stat().st_mode & 0o077 == 0 for file in (cache / "trust").glob("*.options"))


def test_a_failing_mvn_shows_its_last_lines(
    remote: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin" / "mvn").write_text("#!/bin/sh\necho Could not resolve host\nexit 1\n")
    with pytest.raises(FetchError, match=r"(?s)mvn ended with 1\. Check the network.*Could not resolve host"):
        fetch(_part(b"server"), cache, list[str]().append)


_NEWER = """\
The following dependencies in Dependencies have newer versions:
  org.example:a ............................................... 1.0 -> 1.1
  org.example:an-artifact-with-a-name-that-leaves-no-room-for-versions ...
                                                        hadoop3-2.2 -> 4.0

"""


def test_newer_releases_are_read_from_the_report_of_the_versions_plugin(
    remote: Path, cache: Path, tmp_path: Path
) -> None:
    (remote / "newer").write_text(_NEWER)
    (remote / "warnings").touch()
    assert newer_releases(["org.example:a:1.0:jar"], cache, list[str]().append) == {
        "org.example:a": "1.1",
        "org.example:an-artifact-with-a-name-that-leaves-no-room-for-versions": "4.0",
    }
    assert "display-dependency-updates" in (tmp_path / "log").read_text()


def test_a_repository_that_does_not_answer_is_an_error_though_mvn_ends_well(
    remote: Path, cache: Path
) -> None:
    """mvn warns, and reports what it remembers."""
    (remote / "newer").write_text(_NEWER)
    (remote / "warnings").write_text(
        "[WARNING] Could not transfer metadata org.example:a/maven-metadata.xml from x"
    )
    with pytest.raises(FetchError, match=r"org\.example:a/maven-metadata\.xml"):
        newer_releases(["org.example:a:1.0:jar"], cache, list[str]().append)
