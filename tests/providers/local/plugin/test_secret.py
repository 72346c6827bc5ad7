"""Secrets are made once, restored from the state, and adopted from the directory."""

import os
import subprocess
from pathlib import Path

import grpc
import pytest

from providers.local.plugin.properties import UNKNOWN
from tests.providers.local.plugin.client import Tracked, failure


@pytest.fixture
def secret(host_resource: Tracked, directory: Path) -> Tracked:
    inputs = {"name": "postgres-root", "directory": str(directory), "length": 32}
    return Tracked(host_resource.plugin, "Secret", inputs)


def test_a_secret_is_random_alphanumeric_and_for_its_owner_only(secret: Tracked, directory: Path) -> None:
    assert secret.preview()["value"] == UNKNOWN
    value = secret.create()["value"]
    path = directory / "secrets/postgres-root"
    assert len(value) == 32
    assert value.isalnum()
    assert path.read_text() == value
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_existing_secret_is_adopted(secret: Tracked) -> None:
    assert secret.create()["value"] == secret.create()["value"]


@pytest.mark.parametrize("how", ["readable", "linked", "second name"])
def test_a_file_that_others_may_know_is_not_adopted(secret: Tracked, directory: Path, how: str) -> None:
    path = directory / "secrets/postgres-root"
    elsewhere = directory.parent / "planted"
    elsewhere.write_text("p" * 32)
    elsewhere.chmod(0o600)
    match how:
        case "readable":
            path.write_text("p" * 32)
            path.chmod(0o640)
        case "linked":
            path.symlink_to(elsewhere)
        case _:
            path.hardlink_to(elsewhere)
    with pytest.raises(grpc.RpcError) as raised:
        secret.create()
    assert str(path) in failure(raised.value)
    assert "p" * 32 not in failure(raised.value)
    assert elsewhere.read_text() == "p" * 32


@pytest.mark.parametrize("how", ["readable", "linked", "second name", "of another", "of another, twice"])
def test_the_remedy_adopts_the_content_and_changes_no_other_file(
    secret: Tracked, directory: Path, how: str
) -> None:
    path = directory / "secrets/postgres-root"
    (elsewhere := directory.parent / "known").write_text("p" * 32)
    elsewhere.chmod(0o644)
    match how:
        case "linked":
            path.symlink_to(elsewhere)
        case "second name" | "of another, twice":
            path.hardlink_to(elsewhere)
        case _:
            path.write_text("p" * 32)
    if "another" in how:
        if os.geteuid() != 0:
            pytest.skip("only root gives files away")
        os.chown(path, 65534, 65534)
    before = elsewhere.stat()
    with pytest.raises(grpc.RpcError) as raised:
        secret.create()
    command = failure(raised.value).partition("run: ")[2].partition(". Otherwise")[0]
    subprocess.run(["/bin/sh", "-c", command], check=True)
    assert secret.create()["value"] == "p" * 32
    after = elsewhere.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    assert elsewhere.read_text() == "p" * 32
    assert [found.name for found in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("change", ["removed", "edited", "readable"])
def test_a_lost_file_is_shown_and_restored_from_the_state(
    secret: Tracked, directory: Path, change: str
) -> None:
    value = secret.create()["value"]
    path = directory / "secrets/postgres-root"
    match change:
        case "removed":
            path.unlink()
        case "edited":
            path.write_text("edited")
        case _:
            path.chmod(0o644)
    assert secret.diff() == ["value"]
    assert secret.preview()["value"] == value
    assert secret.update()["value"] == value == path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret.diff() == []


def test_another_length_mints_another_secret(secret: Tracked) -> None:
    first = secret.create()["value"]
    assert secret.diff(length=40) == ["length!"]
    secret.delete()
    secret.inputs["length"] = 40
    assert len(secret.create()["value"]) == 40 != len(first)


def test_a_length_that_is_no_use_is_refused(secret: Tracked) -> None:
    secret.inputs["length"] = 4
    assert secret.check()
