"""Go's locks, by the real go command and a module proxy of files."""

import json
import zipfile
from pathlib import Path

import pytest

from infra.versions import go_modules
from infra.versions.releases import Newer, Pin
from providers.local.artifacts.errors import FetchError
from providers.local.artifacts.lock import REPOSITORY

_GADGET = "example.org/gadget"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a module that requires `gadget`, of which the proxy has two releases."""
    versions = tmp_path / "proxy" / _GADGET / "@v"
    versions.mkdir(parents=True)
    for version in ("v1.0.0", "v1.1.0"):
        go_mod = f"module {_GADGET}\n\ngo 1.19\n"
        (versions / f"{version}.info").write_text(
            json.dumps({"Version": version, "Time": "2020-01-01T00:00:00Z"})
        )
        (versions / f"{version}.mod").write_text(go_mod)
        with zipfile.ZipFile(versions / f"{version}.zip", "w") as archive:
            archive.writestr(f"{_GADGET}@{version}/go.mod", go_mod)
            archive.writestr(f"{_GADGET}@{version}/gadget.go", "package gadget\n")
    (versions / "list").write_text("v1.0.0\nv1.1.0\n")
    root = tmp_path / "checkout"
    module = root / "tools" / "one"
    module.mkdir(parents=True)
    (module / "go.mod").write_text(f"module example.org/user\n\ngo 1.19\n\nrequire {_GADGET} v1.0.0\n")
    (root / "build" / "two").mkdir(parents=True)
    (root / "build" / "two" / "go.mod").touch()
    monkeypatch.setenv("GOPROXY", (tmp_path / "proxy").as_uri())
    monkeypatch.setenv("GONOSUMDB", "*")
    return root


def _renew(module: Path, cache: Path) -> str:
    go_modules.renew(module, cache, list[str]().append)
    return (module / "go.sum").read_text()


def test_every_module_of_the_project_is_found() -> None:
    found = {str(path) for path in go_modules.modules(REPOSITORY)}
    assert {
        "components/software/go/minio",
        "infra/engine",
        "tests/workflows",
        "tests/testbed/go/node",
    } <= found
    assert all((REPOSITORY / path / "go.sum").is_file() for path in found)


def test_generated_files_are_no_part_of_the_project(checkout: Path) -> None:
    assert go_modules.modules(checkout) == [Path("tools/one")]


def test_a_lock_gets_what_the_code_imports_and_loses_the_rest(checkout: Path, tmp_path: Path) -> None:
    module = checkout / "tools" / "one"
    (module / "main.go").write_text(f'package main\n\nimport _ "{_GADGET}"\n\nfunc main() {{}}\n')
    (module / "go.sum").write_text("example.org/gone v1.0.0 h1:0\n")
    assert [line.split()[:2] for line in _renew(module, tmp_path / "cache").splitlines()] == [
        [_GADGET, "v1.0.0"],
        [_GADGET, "v1.0.0/go.mod"],
    ]


def test_a_module_that_is_only_downloaded_keeps_what_it_requires(checkout: Path, tmp_path: Path) -> None:
    module = checkout / "tools" / "one"
    assert f"{_GADGET} v1.0.0 h1:" in _renew(module, tmp_path / "cache")
    assert _GADGET in (module / "go.mod").read_text()


def test_a_newer_release_is_found(checkout: Path, tmp_path: Path) -> None:
    module = checkout / "tools" / "one"
    _renew(module, tmp_path / "cache")
    assert go_modules.newer(checkout, tmp_path / "cache", list[str]().append) == [
        Newer(Pin(_GADGET, "v1.0.0", "tools/one/go.mod"), "v1.1.0")
    ]


def test_a_proxy_that_does_not_answer_is_an_error(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")
    with pytest.raises(FetchError, match="go list"):
        go_modules.newer(checkout, tmp_path / "cache", list[str]().append)
