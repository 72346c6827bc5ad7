"""Python locks: one format, the versions of one file, and newer releases as uv finds them on a loopback
index."""

import io
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.versions import python_packages
from infra.versions.releases import Newer, Pin
from providers.local.artifacts.errors import FetchError
from providers.local.artifacts.lock import REPOSITORY

_LINE = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>\S+)( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|    # .*"
)
_RELEASES = ("1.0", "2.0", "3.0rc1")

every_lock = pytest.mark.parametrize("requirements", python_packages.requirement_files(REPOSITORY), ids=str)


def _locked(requirements: Path) -> dict[str, str]:
    lines = (REPOSITORY / python_packages.lock_of(requirements)).read_text().splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if match is None]
    return {match["name"]: match["version"] for match in found if match and match["name"]}


def _named(requirements: Path) -> dict[str, str]:
    """What a file of requirements names, each with what follows the name."""
    lines = [line.partition("#")[0].strip() for line in (REPOSITORY / requirements).read_text().splitlines()]
    parts = [re.fullmatch(r"([\w.-]+)(?:\[\w+\])?(.*)", line) for line in lines if line]
    return {re.sub(r"[-_.]+", "-", part[1]).lower(): part[2] for part in parts if part}


def test_the_project_and_each_app_have_requirements() -> None:
    assert [str(path) for path in python_packages.requirement_files(REPOSITORY)] == [
        "requirements.txt",
        "apps/pipelines/flights/requirements.txt",
        "apps/projections/requirements.txt",
        "apps/provisioner/requirements.txt",
    ]


@every_lock
def test_a_lock_is_in_the_one_format_and_has_what_its_requirements_name(requirements: Path) -> None:
    assert _named(requirements).keys() <= _locked(requirements).keys()


@every_lock
def test_a_package_that_an_app_names_has_the_version_of_the_project(requirements: Path) -> None:
    pins = _named(Path("requirements.txt"))
    locked = _locked(requirements)
    if requirements.parent != Path():
        assert not [name for name, rest in _named(requirements).items() if "==" in rest]
    for name in _named(requirements).keys() & pins.keys():
        assert pins[name] == f"=={locked[name]}"


def _wheel(version: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = f"gadget-{version}.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: gadget\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return stream.getvalue()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An index on loopback with three releases of `gadget`; uv uses no other."""
    files = {f"gadget-{version}-py3-none-any.whl": _wheel(version) for version in _RELEASES}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            links = "".join(f'<a href="/files/{file}">{file}</a>' for file in files)
            body = files.get(name, f"<!doctype html><html><body>{links}</body></html>".encode())
            self.send_response(200 if name in files or self.path == "/simple/gadget/" else 404)
            self.send_header("Content-Type", "application/octet-stream" if name in files else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A project that pins `gadget`, and an app that names it."""
    root = tmp_path / "checkout"
    (root / "apps" / "one").mkdir(parents=True)
    (root / "requirements.txt").write_text("Gadget==1.0 # why\n")
    (root / "apps" / "one" / "requirements.txt").write_text("gadget # why\n")
    for requirements in python_packages.requirement_files(root):
        (root / python_packages.lock_of(requirements)).write_text(
            f"gadget==1.0 \\\n    --hash=sha256:{'0' * 64}\n"
        )
    return root


def test_locks_are_renewed_with_the_version_of_the_project_and_hashes(index: None, checkout: Path) -> None:
    for requirements in python_packages.requirement_files(checkout):
        python_packages.renew(checkout, requirements)
        lock = (checkout / python_packages.lock_of(requirements)).read_text()
        assert re.match(r"gadget==1\.0 \\\n    --hash=sha256:[0-9a-f]{64}\n", lock)
        assert f"-r {requirements}" in lock


def test_a_newer_release_is_found_once_for_all_locks_and_no_candidate_counts(
    index: None, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_packages, "GO_PACKAGE", "gadget==2.0")
    assert python_packages.newer(checkout, []) == [Newer(Pin("gadget", "1.0", "requirements.txt"), "2.0")]


def test_a_package_that_only_locks_have_is_pinned_there(
    index: None, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_packages, "GO_PACKAGE", "gadget==2.0")
    (checkout / "requirements.txt").write_text("")
    (found,) = python_packages.newer(checkout, [])
    assert found.pin.place == "apps/one/requirements.lock, requirements.lock"


def test_an_index_without_the_package_is_an_error(index: None, checkout: Path) -> None:
    (checkout / "requirements.txt").write_text("absent==1.0\n")
    with pytest.raises(FetchError, match="absent"):
        python_packages.renew(checkout, Path("requirements.txt"))
