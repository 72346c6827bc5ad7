"""A footprint finds what a stack leaves on the machine, wherever it is, and ignores what others leave."""

import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from providers.local import paths
from tests.e2e.footprint import Footprint
from tests.e2e.private_directories import PrivateDirectories
from tests.e2e.stack import ROOT

_HOME = pwd.getpwuid(os.geteuid()).pw_dir


@pytest.fixture
def places(scratch_directory: Path) -> PrivateDirectories:
    return PrivateDirectories.make(Path(tempfile.mkdtemp(dir=scratch_directory)) / "places")


def _run(places: PrivateDirectories, script: str) -> None:
    command = [*places.prefix, "sh", "-euc", script]
    subprocess.run(command, env=os.environ | places.variables, cwd=places.root, check=True)


@pytest.mark.parametrize(
    "path",
    ["$HOME/left", "$HOME/.cache/left", "$HOME/.config/a/left", "$HOME/.local/share/left", "$TMPDIR/left"],
)
def test_a_file_in_the_home_or_the_temporary_directory_is_found(
    places: PrivateDirectories, path: str
) -> None:
    before = Footprint.take(places.root)
    _run(places, f'mkdir -p "$(dirname "{path}")" && touch "{path}"')
    (*_, found) = before.left_since(places.root, but=())["files"]
    assert found.endswith("/left")


@pytest.mark.parametrize("path", ["/tmp/left", "/var/tmp/left", f"{_HOME}/.java/left"])
def test_a_program_that_heeds_no_variable_is_caught_too(places: PrivateDirectories, path: str) -> None:
    if not places.mounts:
        pytest.skip("only root can give a program a /tmp of its own")
    before = Footprint.take(places.root)
    _run(places, f"unset HOME TMPDIR; mkdir -p $(dirname {path}); touch {path}")
    (*_, found) = before.left_since(places.root, but=())["files"]
    assert found.endswith("/left")
    assert not Path(path).exists()


def test_what_is_needed_is_seen_beside_the_places(places: PrivateDirectories) -> None:
    _run(places, f'cd "{ROOT}" && "{sys.executable}" -c "import providers.local, pulumi"')


def test_what_others_leave_meanwhile_is_not_the_stack_s(places: PrivateDirectories, tmp_path: Path) -> None:
    before = Footprint.take(places.root)
    (tmp_path / "nats-store").touch()  # in the real directory for temporary files
    assert before.left_since(places.root, but=()) == {}


def test_a_process_that_is_left_is_found(places: PrivateDirectories) -> None:
    before = Footprint.take(places.root)
    with subprocess.Popen(["sleep", "600"], env={"PULUMI_HOME": str(places.root)}) as process:
        try:
            assert before.left_since(places.root, but=()) == {
                "processes": [f"{process.pid}: ['sleep', '600']"]
            }
        finally:
            process.kill()


def test_installed_software_that_was_written_to_is_found(
    places: PrivateDirectories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "cache_directory", lambda: tmp_path)
    home = tmp_path / "software" / "gadget-1"
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "gadget.conf").touch()
    before = Footprint.take(places.root)
    (tmp_path / "software" / "widget-1").mkdir()
    (tmp_path / "software" / "widget-1" / "installed-meanwhile").touch()
    assert before.left_since(places.root, but=()) == {}
    (home / "conf" / "gadget.conf").write_text("changed")
    os.utime(home / "conf" / "gadget.conf", ns=(0, 0))
    (home / "added").touch()
    left = before.left_since(places.root, but=())
    assert left == {"changed": [str(home / "added"), str(home / "conf" / "gadget.conf")]}
