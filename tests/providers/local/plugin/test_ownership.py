"""A directory that this stack did not make is neither used nor emptied."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from providers.local.plugin import host, os_processes, ownership, stack_removal
from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.errors import NotOwnedError, PluginError
from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.ownership import Owner, OwnershipState
from providers.local.plugin.properties import Properties
from providers.local.plugin.resource_type import PluginContext
from providers.local.plugin.supervisor import Supervisor
from tests.providers.local.plugin.client import Plugin, Tracked, failure
from tests.providers.local.plugin.conftest import OWNER

Inputs = Callable[..., Properties]
Start = Callable[..., Plugin]


def files(directory: Path) -> dict[str, tuple[int, int]]:
    """Return every path below `directory`, with its mode and its time of change."""
    found = [directory, *directory.rglob("*")]
    return {str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in found}


def belong_to(directory: Path, other: Owner) -> None:
    record = json.loads((directory / "owner.json").read_text())
    (directory / "owner.json").write_text(json.dumps({**record, **other.__dict__}))


@pytest.fixture
def foreign(host_resource: Tracked, server_inputs: Inputs, directory: Path, tmp_path: Path) -> Tracked:
    """Provide a running stack whose directory belongs to another checkout, which exists."""
    Tracked(host_resource.plugin, "Process", server_inputs(hasVolume=True)).create()
    belong_to(directory, Owner(str(tmp_path), "test"))
    return host_resource


@pytest.fixture(autouse=True)
def restored_owner_file(directory: Path) -> object:
    """Write an owner.json of the tests' stack after the test, so that the fixture `directory` can remove the
    directory."""
    yield
    if (directory / "supervisord").is_dir() or (directory / "data").is_dir():
        (directory / "owner.json").write_text(json.dumps({**OWNER.__dict__, "created": []}))
        (directory / "owner.json").chmod(0o600)


def test_a_stack_of_another_checkout_is_refused_and_nothing_of_it_is_touched(
    foreign: Tracked, server_inputs: Inputs, directory: Path, tmp_path: Path
) -> None:
    before, running = files(directory), os_processes.marked_processes(directory)
    assert foreign.check() == []
    foreign.preview()
    (warning,) = foreign.plugin.log.messages
    assert str(tmp_path) in warning
    assert "make down STACK=test" in warning
    secret = Tracked(foreign.plugin, "Secret", {"name": "a", "directory": str(directory), "length": 20})
    web = Tracked(foreign.plugin, "Process", server_inputs(hasVolume=True))
    web.state = {"directory": str(directory), "name": "web"}
    for change in (foreign.create, foreign.delete, web.create, web.delete, secret.create):
        with pytest.raises(grpc.RpcError) as raised:
            change()
        assert str(tmp_path) in failure(raised.value)
    with pytest.raises(NotOwnedError):
        stack_removal.remove_stack_without_state(directory, OWNER, keep=False)
    assert files(directory) == before
    assert os_processes.marked_processes(directory) == running


def test_another_stack_of_the_same_checkout_is_refused(host_resource: Tracked, directory: Path) -> None:
    belong_to(directory, Owner(OWNER.checkout, "other"))
    with pytest.raises(grpc.RpcError, match="stack other"):
        host_resource.create()


@pytest.mark.parametrize("directory_of", ["/", "populated", "a file", "a link"])
def test_a_place_that_is_not_empty_is_refused_at_preview_and_stays_as_it_is(
    plugin: Plugin, host_inputs: Properties, tmp_path: Path, directory_of: str
) -> None:
    place = Path("/") if directory_of == "/" else tmp_path / "place"
    match directory_of:
        case "populated":
            place.mkdir(mode=0o750)
            (place / "thesis.txt").write_text("years of work")
        case "a file":
            place.write_text("years of work")
        case "a link":
            (tmp_path / "real").mkdir()
            place.symlink_to(tmp_path / "real")
    before = place.lstat()
    resource = Tracked(plugin, "Host", {**host_inputs, "directory": str(place)})
    assert resource.check()
    with pytest.raises(grpc.RpcError):
        resource.create()
    with pytest.raises(NotOwnedError):
        stack_removal.remove_stack_without_state(place, OWNER, keep=False)
    assert (place.lstat().st_mode, place.lstat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_an_empty_directory_of_the_user_is_used_and_stays_when_it_was_never_ours(
    plugin: Plugin, host_inputs: Properties, directory: Path
) -> None:
    place = directory.with_name("place")
    place.mkdir()
    assert stack_removal.remove_stack_without_state(place, OWNER, keep=False) == []
    assert place.is_dir()
    assert Tracked(plugin, "Host", {**host_inputs, "directory": str(place)}).check() == []


@pytest.mark.parametrize("path", [".", "stack"])
def test_a_relative_directory_is_never_removed(path: str) -> None:
    with pytest.raises(NotOwnedError, match="absolute"):
        stack_removal.remove_stack_without_state(Path(path), OWNER, keep=False)


def test_a_directory_inside_another_stack_s_is_refused(
    host_resource: Tracked, host_inputs: Properties, directory: Path
) -> None:
    """It would go with that one."""
    inner = {**host_inputs, "directory": str(directory / "run" / "inner")}
    (problem,) = Tracked(host_resource.plugin, "Host", inner).check()
    assert str(directory) in problem


def test_a_directory_right_below_a_shared_one_is_refused(plugin: Plugin, host_inputs: Properties) -> None:
    """Its lock lies beside it, where anybody could have put a link."""
    inputs = {**host_inputs, "directory": "/tmp/nebula-test-shared"}
    (problem,) = Tracked(plugin, "Host", inputs).check()
    assert "any user may write in /tmp" in problem


@pytest.mark.parametrize("planted", ["link", "second name"])
def test_a_lock_that_somebody_else_planted_is_neither_followed_nor_truncated(
    plugin: Plugin, host_inputs: Properties, directory: Path, planted: str
) -> None:
    victim = directory.with_name("victim")
    victim.write_text("precious")
    lock = StackDirectory(directory).lock_file
    lock.symlink_to(victim) if planted == "link" else lock.hardlink_to(victim)
    with pytest.raises(grpc.RpcError, match="the lock"):
        Tracked(plugin, "Host", host_inputs).create()
    assert victim.read_text() == "precious"


def test_servers_whose_directory_was_moved_are_not_taken_for_ours(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    """They may be another checkout's: its owner.json went with the directory."""
    Tracked(host_resource.plugin, "Process", server_inputs()).create()
    running = os_processes.marked_processes(directory)
    moved = directory.with_name("moved")
    directory.rename(moved)
    for change in (host_resource.create, host_resource.delete):
        with pytest.raises(grpc.RpcError, match="still run"):
            change()
    assert os_processes.marked_processes(directory) == running
    ownership.adopt_orphan(StackDirectory(directory), OWNER)
    host_resource.delete()
    assert not directory.exists()
    assert not os_processes.marked_processes(directory)


def test_another_directory_is_refused_while_the_first_holds_the_stack(
    host_resource: Tracked, directory: Path
) -> None:
    """The engine would replace the host, and remove the data of the first."""
    elsewhere = str(directory.with_name("elsewhere"))
    with pytest.raises(grpc.RpcError, match="and would be removed"):
        host_resource.diff(directory=elsewhere)
    host_resource.delete()
    assert host_resource.diff(directory=elsewhere) == ["directory!", "supervisord"]


def test_a_link_in_the_place_of_the_data_is_not_followed(host_resource: Tracked, directory: Path) -> None:
    disk = directory.with_name("disk")
    (disk / "theirs").mkdir(parents=True)
    (disk / "theirs" / "nebula-volume").write_text("of another program")
    (directory / "data").rmdir()
    (directory / "data").symlink_to(disk)
    mode = disk.stat().st_mode
    host_resource.update()
    assert disk.stat().st_mode == mode
    host_resource.delete()
    assert (disk / "theirs" / "nebula-volume").exists()
    assert str(directory / "data") in " ".join(host_resource.plugin.log.messages)


def test_what_keeps_data_in_the_environment_has_the_last_word(
    host_resource: Tracked, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host_resource.update(keepData=True)
    host_resource.plugin.stop()
    assert stack_removal.keeps_data(StackDirectory(directory))
    monkeypatch.setenv("NEBULA_KEEP_DATA", "0")
    assert not stack_removal.keeps_data(StackDirectory(directory))
    monkeypatch.setenv("NEBULA_KEEP_DATA", "yes")
    with pytest.raises(PluginError, match="'yes'"):
        stack_removal.keeps_data(StackDirectory(directory))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[" * 100_000, b'{"checkout": "' + b"x" * 5000 + b'", "stack": "s"}']
)
def test_a_damaged_record_is_an_orphan_s_whatever_is_in_it(
    host_resource: Tracked, directory: Path, content: bytes
) -> None:
    (directory / "owner.json").write_bytes(content)
    assert ownership.examine(StackDirectory(directory), OWNER).state is OwnershipState.ORPHANED
    ownership.adopt_orphan(StackDirectory(directory), OWNER)


def test_kept_data_without_a_record_is_an_orphan_s(host_resource: Tracked, directory: Path) -> None:
    host_resource.update(keepData=True)
    host_resource.delete()
    (directory / "owner.json").unlink()
    assert {path.name for path in directory.iterdir()} == {"data", "secrets"}
    assert ownership.examine(StackDirectory(directory), OWNER).state is OwnershipState.ORPHANED


def test_a_supervisord_of_another_python_is_started_anew(
    host_resource: Tracked, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clone was moved: the launcher that restarts its servers is no more where it was."""
    supervisor = Supervisor(StackDirectory(directory))
    assert supervisor.runs_on_this_python()
    monkeypatch.setattr(sys, "executable", "/moved/.venv/bin/python")
    assert not supervisor.runs_on_this_python()


def test_what_no_stack_made_stays_and_is_named(host_resource: Tracked, directory: Path) -> None:
    for path in (directory / "notes.txt", directory / "data" / "dump.sql"):
        path.write_text("mine")
    host_resource.delete()
    assert sorted(str(path.relative_to(directory)) for path in directory.rglob("*")) == [
        "data", "data/dump.sql", "notes.txt", "owner.json",
    ]  # fmt: skip
    warning = " ".join(host_resource.plugin.log.messages)
    assert str(directory / "notes.txt") in warning
    assert str(directory / "data/dump.sql") in warning
    host_resource.create()
    assert (directory / "notes.txt").read_text() == "mine"


def test_files_moved_aside_outlive_the_stack(
    host_resource: Tracked, server_inputs: Inputs, directory: Path
) -> None:
    (directory / "data/web").mkdir(parents=True)
    (directory / "data/web/precious").touch()
    web = Tracked(host_resource.plugin, "Process", server_inputs(hasVolume=True))
    web.create()
    web.delete()
    host_resource.delete()
    assert len(list(directory.glob("data/web.without-identity-*/precious"))) == 1
    assert not (directory / "data/web").exists()


def test_an_orphan_is_refused_until_it_is_adopted_and_keeps_its_data(
    host_resource: Tracked, server_inputs: Inputs, directory: Path, tmp_path: Path
) -> None:
    web = Tracked(host_resource.plugin, "Process", server_inputs(hasVolume=True))
    volume = web.create()["volume"]
    belong_to(directory, Owner(str(tmp_path / "gone"), "test"))
    with pytest.raises(grpc.RpcError) as raised:
        host_resource.create()
    assert str(tmp_path / "gone") in failure(raised.value)
    assert "CONFIRM=test" in failure(raised.value)
    ownership.adopt_orphan(StackDirectory(directory), OWNER)
    host_resource.create()
    assert web.create()["volume"] == volume


@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_a_directory_whose_owner_cannot_be_told_is_an_orphan(
    host_resource: Tracked, directory: Path, damage: str
) -> None:
    path = directory / "owner.json"
    path.unlink() if damage == "missing" else path.write_text("{")
    claim = ownership.examine(StackDirectory(directory), OWNER)
    assert claim.state is OwnershipState.ORPHANED
    with pytest.raises(NotOwnedError):
        stack_removal.remove_stack_without_state(directory, OWNER, keep=False)
    ownership.adopt_orphan(StackDirectory(directory), OWNER)


def test_a_record_that_others_may_have_written_proves_nothing(
    host_resource: Tracked, directory: Path
) -> None:
    (directory / "owner.json").chmod(0o666)
    assert ownership.examine(StackDirectory(directory), OWNER).state is OwnershipState.UNUSABLE


def test_only_an_orphan_can_be_adopted(foreign: Tracked, directory: Path) -> None:
    with pytest.raises(NotOwnedError):
        ownership.adopt_orphan(StackDirectory(directory), OWNER)


def test_a_removal_that_was_cut_off_goes_on(host_resource: Tracked, directory: Path) -> None:
    """Whatever of the directory is gone, `owner.json` is there to prove whose the rest is."""
    source = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from providers.local.plugin import layout, stack_removal\n"
        "from providers.local.plugin.ownership import Owner\n"
        "real = stack_removal.remove_tree\n"
        "def cut(path):\n"
        "    if path.name == 'supervisord':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(path)\n"
        "stack_removal.remove_tree = cut\n"
        "stack_removal.remove_stack_without_state(Path(sys.argv[1]), Owner(*sys.argv[2:]), keep=False)\n"
    )
    host_resource.plugin.stop()
    arguments = [sys.executable, "-c", source, str(directory), OWNER.checkout, OWNER.stack]
    cut = subprocess.run(arguments, check=False, cwd=OWNER.checkout)
    assert cut.returncode == -signal.SIGKILL
    assert (directory / "supervisord").exists()
    assert not (directory / "secrets").exists()
    stack_removal.remove_stack_without_state(directory, OWNER, keep=False)
    assert not directory.exists()


def test_a_directory_that_others_could_exchange_is_refused(
    plugin: Plugin, host_inputs: Properties, directory: Path
) -> None:
    open_to_all = directory.parent / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (problem,) = Tracked(plugin, "Host", {**host_inputs, "directory": str(open_to_all / "stack")}).check()
    assert f"chmod o-w '{open_to_all}'" in problem


def test_the_cache_that_others_could_exchange_is_refused(
    monkeypatch: pytest.MonkeyPatch, host_inputs: Properties, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    monkeypatch.setattr(host, "cache_directory", lambda: cache)
    (problem,) = host.HostType(PluginContext(EngineClient())).check(
        "urn:pulumi:test::nebula::Host::x", host_inputs
    )
    assert str(cache) in problem.reason
