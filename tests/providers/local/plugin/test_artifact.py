"""All stacks share an artifact, and a missing one is installed again."""

from pathlib import Path

import grpc
import pytest

from tests.providers.local.plugin.client import Plugin, Tracked, failure


def artifact(plugin: Plugin, home: Path) -> Tracked:
    inputs = {"software": "trino", "version": "1", "parts": [], "cache": str(home.parent)}
    return Tracked(plugin, "Artifact", inputs, state={"home": str(home)}, id=home.name)


def test_a_missing_home_is_shown(plugin: Plugin, tmp_path: Path) -> None:
    home = tmp_path / "trino-1"
    home.mkdir()
    assert artifact(plugin, home).diff() == []
    home.rmdir()
    assert artifact(plugin, home).diff() == ["home"]


def test_delete_leaves_the_shared_cache_alone(plugin: Plugin, tmp_path: Path) -> None:
    home = tmp_path / "trino-1"
    home.mkdir()
    artifact(plugin, home).delete()
    assert home.is_dir()


def test_a_failed_fetch_is_a_message_not_a_defect(plugin: Plugin, tmp_path: Path) -> None:
    resource = artifact(plugin, tmp_path / "x")
    resource.inputs["parts"] = [{"kind": "no such kind"}]
    with pytest.raises(grpc.RpcError) as raised:
        resource.create()
    assert "defect" not in failure(raised.value)
