"""Bundled apps: their source and a venv with exactly the locked packages."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from components.software.model import BundledApp, Executable, Image, Software
from providers.local.artifacts import LockError, install, locked_parts
from providers.local.artifacts.apps import lay_out, venv_of
from tests.providers.local.artifacts.conftest import Index

_APP = Software(
    name="app",
    version="1",
    licence="Apache-2.0",
    parts=(BundledApp("apps/pipelines/app"),),
    executables={"app": Executable(("{home}/venv/bin/python", "-m", "apps.pipelines.app"), ("app",))},
    image=Image("nebula/app:1", user=10001, home="/app"),
)


@pytest.fixture
def repository(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one app that prints where its package is."""
    root = tmp_path / "checkout"
    app = root / "apps" / "pipelines" / "app"
    (root / "apps" / "kit").mkdir(parents=True)
    (app / "__pycache__").mkdir(parents=True)
    for package in (root / "apps", root / "apps" / "kit", app.parent, app):
        (package / "__init__.py").touch()
    (root / "apps" / "kit" / "word.py").write_text("WORD = 'first'\n")
    (app / "__main__.py").write_text("import gadget, apps.kit.word as w\nprint(w.WORD, gadget.__path__[0])\n")
    (app / "__pycache__" / "stale.pyc").touch()
    digest = hashlib.sha256(index.content).hexdigest()
    (app / "requirements.lock").write_text(f"gadget==1.0 --hash=sha256:{digest}\n")
    monkeypatch.setattr("providers.local.artifacts.lock.REPOSITORY", root)
    monkeypatch.setattr("providers.local.artifacts.apps.REPOSITORY", root)
    return root


def _install(cache: Path) -> Path:
    return install("app", "1", locked_parts(_APP), cache, list[str]().append)


def _run(home: Path) -> str:
    program = [str(home / "venv" / "bin" / "python"), "-m", "apps.pipelines.app"]
    return subprocess.check_output(program, env={"PYTHONPATH": str(home / "src")}, cwd=home, text=True)


def test_an_app_runs_from_its_home_alone(repository: Path, cache: Path) -> None:
    word, place = _run(_install(cache)).split()
    assert word == "first"
    assert Path(place).resolve().is_relative_to((cache / "apps").resolve())


def test_a_changed_source_is_another_home_on_the_same_venv(
    repository: Path, cache: Path, index: Index
) -> None:
    before = _install(cache)
    (repository / "apps" / "kit" / "word.py").write_text("WORD = 'second'\n")
    after = _install(cache)
    assert before != after
    assert (_run(before).split()[0], _run(after).split()[0]) == ("first", "second")
    assert (before / "venv").readlink() == (after / "venv").readlink()
    assert index.downloads == 1


def test_compiled_files_are_no_part_of_an_app(repository: Path, tmp_path: Path) -> None:
    parts = locked_parts(_APP)
    (repository / "apps" / "kit" / "__pycache__").mkdir()
    (repository / "apps" / "kit" / "__pycache__" / "word.pyc").touch()
    assert locked_parts(_APP) == parts
    lay_out(parts[0], tmp_path / "home", tmp_path / "venv")
    assert not list((tmp_path / "home").rglob("*.pyc"))


def test_a_half_made_venv_is_made_again(repository: Path, cache: Path) -> None:
    home = _install(cache)
    venv = venv_of(locked_parts(_APP)[0], cache)
    (venv / ".complete").unlink()
    (venv / "bin" / "python").unlink()
    assert _install(cache) == home
    assert _run(home).startswith("first")


def test_an_app_without_its_lock_is_refused(repository: Path) -> None:
    (repository / "apps" / "pipelines" / "app" / "requirements.lock").unlink()
    with pytest.raises(LockError, match=r"requirements\.lock is missing"):
        locked_parts(_APP)


def test_a_source_that_changes_meanwhile_is_refused(repository: Path, tmp_path: Path) -> None:
    (part,) = locked_parts(_APP)
    (repository / "apps" / "kit" / "word.py").write_text("WORD = 'later'\n")
    with pytest.raises(LockError, match="changed while it was being installed"):
        lay_out(part, tmp_path / "home", tmp_path / "venv")
