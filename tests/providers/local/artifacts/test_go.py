"""Programs built from Go modules."""

import shutil
import subprocess
from pathlib import Path

import pytest

from providers.local.artifacts import FetchError
from providers.local.artifacts.errors import LockError
from providers.local.artifacts.go import build, floor_of, machine_version

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="needs go on PATH")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all: Go's own packages take long to compile."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module without dependencies: nothing is downloaded."""
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.org/hello\n\ngo 1.19\n")
    (folder / "main.go").write_text('package main\n\nvar word = "?"\n\nfunc main() { println(word) }\n')
    return folder


@needs_go
def test_a_program_is_built_with_its_flags_below_the_cache(module: Path, cache: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    output = build("example.org/hello", module, tmp_path / "hello", "-X main.word=hi", cache, lines.append)
    assert subprocess.run([output], capture_output=True, text=True).stderr == "hi\n"
    assert (cache / "go" / "build").is_dir()
    assert lines[-1].startswith("built hello (")


@needs_go
def test_what_does_not_compile_leaves_no_program(module: Path, cache: Path, tmp_path: Path) -> None:
    (module / "main.go").write_text("package main\n\nfunc main() { nonsense }\n")
    with pytest.raises(FetchError, match=r"(?s)go build example\.org/hello.*undefined: nonsense"):
        build("example.org/hello", module, tmp_path / "hello", "", cache, list[str]().append)
    assert not (tmp_path / "hello").exists()
    assert not list(tmp_path.glob(".partial-*"))


@needs_go
def test_an_unlocked_module_is_refused(module: Path, cache: Path, tmp_path: Path) -> None:
    (module / "main.go").write_text('package main\n\nimport _ "example.org/other"\n\nfunc main() {}\n')
    with pytest.raises(FetchError, match=r"example\.org/other"):
        build("example.org/hello", module, tmp_path / "hello", "", cache, list[str]().append)


def test_the_floor_is_go_mods(module: Path) -> None:
    assert floor_of(module) == (1, 19)
    (module / "go.mod").write_text("module example.org/hello\n")
    with pytest.raises(LockError, match="has no `go` line"):
        floor_of(module)


def test_a_machine_without_go_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert machine_version() is None
