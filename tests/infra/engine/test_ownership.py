"""Commands leave alone what another clone made, and take over an orphan only when told to."""

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infra.engine import commands, ownership, state
from infra.engine.backend import Backend
from infra.engine.checkout import PROJECT, Checkout
from infra.engine.installation import Engine
from infra.engine.session import Session, directory_of
from providers.local.plugin.errors import NotOwnedError
from providers.local.plugin.layout import KEEP_DATA_VARIABLE


@pytest.fixture(autouse=True)
def nobody_logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("CONFIRM", raising=False)


@pytest.fixture
def directory(checkout: Checkout, tmp_path: Path) -> Path:
    """A stack's directory with data, made by a clone that is there."""
    path = Path(directory_of(_with_file(checkout), "local"))
    for name in ("supervisord", "data/postgres"):
        (path / name).mkdir(parents=True)
    (path / "data/postgres/nebula-volume").write_text("0123456789abcdef\n")
    record(path, tmp_path)
    return path


def _with_file(checkout: Checkout) -> Checkout:
    template = checkout.stacks / "Pulumi.local.template.yaml"
    checkout.stack_file("local").write_text(template.read_text())
    return checkout


def record(directory: Path, checkout: Path, stack: str = "local") -> None:
    path = directory / "owner.json"
    path.write_text(json.dumps({"checkout": str(checkout), "stack": stack, "created": []}))
    path.chmod(0o600)


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_running_stack_of_another_clone_is_refused_by_name(
    checkout: Checkout, directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert commands.main(command, "local", checkout) == 1
    said = capsys.readouterr().err
    assert str(tmp_path) in said
    assert "make down STACK=local" in said
    assert (directory / "data/postgres/nebula-volume").exists()


def test_a_confirmation_does_not_take_what_a_living_clone_owns(
    checkout: Checkout, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIRM", "local")
    assert commands.main("down", "local", checkout) == 1
    assert (directory / "data/postgres").exists()


def test_an_orphan_is_removed_after_a_typed_confirmation_only(
    checkout: Checkout, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(directory, tmp_path / "gone")
    for typed in (None, "", "yes", "y", "lokal"):
        if typed is not None:
            monkeypatch.setenv("CONFIRM", typed)
        assert commands.main("down", "local", checkout) == 1
        assert (directory / "data/postgres").exists()
    monkeypatch.setenv("CONFIRM", "local")
    assert commands.main("down", "local", checkout) == 0
    assert not directory.exists()


def test_an_orphan_that_is_taken_over_keeps_its_data(
    checkout: Checkout, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(directory, tmp_path / "gone")
    with pytest.raises(NotOwnedError, match="CONFIRM=local"):
        ownership.settle(checkout, "local", "go on")
    monkeypatch.setenv("CONFIRM", "local")
    ownership.settle(checkout, "local", "go on")
    monkeypatch.delenv("CONFIRM")
    ownership.settle(checkout, "local", "go on")
    assert json.loads((directory / "owner.json").read_text())["checkout"] == str(checkout.root)
    assert (directory / "data/postgres").exists()


def test_down_keeps_the_data_of_a_stack_whose_file_says_so_since_its_last_up(
    checkout: Checkout, directory: Path
) -> None:
    record(directory, checkout.root)
    path = checkout.stack_file("local")
    path.write_text(f"{path.read_text()}      keep_data: true\n")
    try:
        assert commands.main("down", "local", checkout) == 0
        assert (directory / "data/postgres").exists()
        os.environ[KEEP_DATA_VARIABLE] = "0"
        assert commands.main("down", "local", checkout) == 0
        assert not directory.exists()
    finally:
        del os.environ[KEEP_DATA_VARIABLE]


@pytest.mark.parametrize("configured", ["/", "/etc", ".", "stack"])
def test_down_of_a_directory_that_is_no_stack_s_removes_nothing(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, configured: str
) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "thesis.txt").write_text("years of work")
    monkeypatch.chdir(tmp_path)
    _with_file(checkout)
    path = checkout.stack_file("local")
    path.write_text(path.read_text().replace(str(checkout.root / "stack"), configured))
    modes = {place: os.stat(place).st_mode for place in ("/", "/etc", str(tmp_path))}
    assert commands.main("down", "local", checkout) == 1
    assert (tmp_path / "stack" / "thesis.txt").exists()
    assert {place: os.stat(place).st_mode for place in modes} == modes


def test_status_says_whose_servers_it_shows(
    checkout: Checkout, directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main("status", "local", checkout) == 0
    assert f"of the checkout {tmp_path}" in capsys.readouterr().err


class Refusing(BaseHTTPRequestHandler):
    """An API server that lets nobody look."""

    def do_GET(self) -> None:  # the name that http.server asks for
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def on_a_cluster(checkout: Checkout, url: str) -> Session:
    """A stack that made its namespace on the cluster at `url`."""
    named = {"name": "it", "cluster": {"server": url}, "user": {}, "context": {"cluster": "it", "user": "it"}}
    kubeconfig = checkout.root / "kubeconfig"
    document = {"clusters": [named], "users": [named], "contexts": [named], "current-context": "it"}
    kubeconfig.write_text(json.dumps(document))
    platform = {"cloud": "kubernetes", "kubernetes": {"kubeconfig": str(kubeconfig)}}
    checkout.stack_file("lab").write_text(json.dumps({"config": {"nebula:platform": platform}}))
    path = state.state_file(checkout.state, PROJECT, "lab")
    path.parent.mkdir(parents=True)
    resources = [{"type": "kubernetes:core/v1:Namespace"}]
    path.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    return Session(
        checkout,
        "lab",
        Engine(Path("none"), built_here=True),
        Backend({}, checkout.state, in_checkout=True),
        {},
    )


def test_a_namespace_that_nobody_could_look_into_is_not_deleted_without_a_confirmation(
    checkout: Checkout, refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = on_a_cluster(checkout, refusing)
    with pytest.raises(NotOwnedError, match="CONFIRM=lab") as raised:
        ownership.demand_no_strangers(session)
    assert "403" in str(raised.value)
    monkeypatch.setenv("CONFIRM", "lab")
    ownership.demand_no_strangers(session)


def test_a_cluster_that_nobody_reaches_stops_no_destroy(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    session = on_a_cluster(checkout, "http://127.0.0.1:1")
    ownership.demand_no_strangers(session)
    assert "does not answer" in capsys.readouterr().err
