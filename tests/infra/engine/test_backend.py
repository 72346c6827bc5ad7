"""The user's own backend is used where there is one, and nothing of ours with it."""

import json
from pathlib import Path

import pytest

from infra.engine import backend
from infra.engine.checkout import Checkout
from infra.engine.errors import EmptyPassphraseError, UnsafePassphraseError
from providers.local.plugin.layout import write_atomically


def test_backend_of_the_clone_when_nobody_is_logged_in(checkout: Checkout, tmp_path: Path) -> None:
    chosen = backend.choose(checkout, {"PULUMI_HOME": str(tmp_path / "empty")})
    assert chosen.in_checkout
    assert chosen.variables["PULUMI_BACKEND_URL"] == f"{checkout.state.as_uri()}?metadata=skip"
    assert backend.choose(checkout, chosen.variables).in_checkout
    assert " " not in chosen.variables["PULUMI_BACKEND_URL"]
    assert checkout.private.stat().st_mode & 0o777 == 0o700
    assert checkout.passphrase.stat().st_mode & 0o777 == 0o600


def test_passphrase_is_random_and_kept(checkout: Checkout, tmp_path: Path) -> None:
    nobody = {"PULUMI_HOME": str(tmp_path / "empty")}
    backend.choose(checkout, nobody)
    first = checkout.passphrase.read_text()
    backend.choose(checkout, nobody)
    assert checkout.passphrase.read_text() == first
    checkout.passphrase.unlink()
    backend.choose(checkout, nobody)
    assert checkout.passphrase.read_text() != first


def test_the_passphrase_of_a_run_that_was_first_stays(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two first runs at once: the second must not replace what the first encrypts with."""

    def write_second(path: Path, content: str) -> None:
        write_atomically(path, content)
        write_atomically(checkout.passphrase, "of the first run")

    monkeypatch.setattr("infra.engine.backend.write_atomically", write_second)
    backend.choose(checkout, {"PULUMI_HOME": str(tmp_path / "empty")})
    assert checkout.passphrase.read_text() == "of the first run"
    assert [path.name for path in checkout.private.glob("passphrase*")] == ["passphrase"]


def test_a_passphrase_that_others_may_read_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    nobody = {"PULUMI_HOME": str(tmp_path / "empty")}
    backend.choose(checkout, nobody)
    checkout.passphrase.chmod(0o644)
    with pytest.raises(UnsafePassphraseError, match="chmod 600") as raised:
        backend.choose(checkout, nobody)
    assert checkout.passphrase.read_text() not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 43])
def test_an_empty_passphrase_is_refused_and_not_replaced(
    checkout: Checkout, tmp_path: Path, content: bytes
) -> None:
    nobody = {"PULUMI_HOME": str(tmp_path / "empty")}
    backend.choose(checkout, nobody)
    checkout.passphrase.write_bytes(content)
    with pytest.raises(EmptyPassphraseError, match="restore a copy") as raised:
        backend.choose(checkout, nobody)
    assert str(checkout.passphrase) in str(raised.value)
    assert checkout.passphrase.read_bytes() == content


def test_our_own_exports_are_not_a_login(checkout: Checkout) -> None:
    assert backend.choose(checkout, {"PULUMI_BACKEND_URL": checkout.state.as_uri()}).in_checkout


def test_users_backend_gets_nothing_of_ours(checkout: Checkout, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "credentials.json").write_text(json.dumps({"current": "https://api.example.org"}))
    for environment in (
        {"PULUMI_HOME": str(home)},
        {"PULUMI_HOME": str(tmp_path / "empty"), "PULUMI_BACKEND_URL": "s3://states"},
        {"PULUMI_HOME": str(tmp_path / "empty"), "PULUMI_ACCESS_TOKEN": "sentinel"},
    ):
        chosen = backend.choose(checkout, environment)
        assert not chosen.in_checkout
        assert chosen.variables == {}
        assert not checkout.private.exists()


def test_users_file_backend_is_known_by_its_directory(checkout: Checkout, tmp_path: Path) -> None:
    chosen = backend.choose(checkout, {"PULUMI_BACKEND_URL": f"file://{tmp_path}"})
    assert chosen.state == tmp_path
    assert not chosen.in_checkout
