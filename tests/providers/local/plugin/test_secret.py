"""Secrets: minted once, restored from the state, adopted from the directory."""

from pathlib import Path

import pytest

from providers.local.plugin.properties import UNKNOWN
from tests.providers.local.plugin.client import Tracked


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


@pytest.mark.parametrize("change", ["removed", "edited"])
def test_a_lost_file_is_shown_and_restored_from_the_state(
    secret: Tracked, directory: Path, change: str
) -> None:
    value = secret.create()["value"]
    path = directory / "secrets/postgres-root"
    path.unlink() if change == "removed" else path.write_text("edited")
    assert secret.diff() == ["value"]
    assert secret.preview()["value"] == value
    assert secret.update()["value"] == value == path.read_text()
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
