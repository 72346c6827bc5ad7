"""States are read whole, in each form that the engine writes, or not at all."""

import gzip
import json
import shlex
import subprocess
from pathlib import Path

import pytest

from infra.engine import state
from infra.engine.checkout import PROJECT
from infra.engine.errors import DamagedStateError

LATEST = {"resources": [{"type": "pulumi:pulumi:Stack"}]}
WHOLE = json.dumps({"checkpoint": {"latest": LATEST}}).encode()


def written(top: Path, name: str, content: bytes = WHOLE) -> Path:
    path = top / ".pulumi" / "stacks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("suffix", "content"), [(".json", WHOLE), (".json.gz", gzip.compress(WHOLE, mtime=0))]
)
def test_a_state_is_read_as_the_engine_wrote_it(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = written(tmp_path, f"{PROJECT}/local{suffix}", content)
    assert state.state_file(tmp_path, PROJECT, "local") == path
    assert state.deployment(tmp_path, PROJECT, "local") == LATEST


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".json", b""),
        (".json", WHOLE[:20]),
        (".json", b"\0" * 40),
        (".json", b"\xff"),
        (".json", b"[]"),
        (".json", b"null"),
        (".json", b'{"checkpoint": "x"}'),
        (".json.gz", b""),
        (".json.gz", gzip.compress(WHOLE, mtime=0)[:-9]),
        (".json.gz", WHOLE),
        (".json.zst", b"\x28\xb5\x2f\xfd"),
    ],
)
def test_a_damaged_state_is_named(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = written(tmp_path, f"{PROJECT}/local{suffix}", content)
    for read in (
        lambda: state.deployment(tmp_path, PROJECT, "local"),
        lambda: state.stacks_with_resources(tmp_path, PROJECT),
    ):
        with pytest.raises(DamagedStateError) as raised:
            read()
        assert str(path) in str(raised.value)


def test_the_command_for_a_damaged_state_restores_what_the_engine_kept(tmp_path: Path) -> None:
    top = tmp_path / "a clone's"
    path = written(top, f"{PROJECT}/local.json", b"")
    written(top, f"{PROJECT}/local.json.bak")
    with pytest.raises(DamagedStateError) as raised:
        state.deployment(top, PROJECT, "local")
    command = shlex.split(str(raised.value).partition("Restore it: ")[2])
    assert command == ["cp", f"{path}.bak", str(path)]
    subprocess.run(command, check=True)
    assert state.deployment(top, PROJECT, "local") == LATEST


@pytest.mark.parametrize("content", [None, b"", WHOLE[:20]])
def test_a_backup_that_is_not_whole_is_not_offered(tmp_path: Path, content: bytes | None) -> None:
    written(tmp_path, f"{PROJECT}/local.json", b"")
    if content is not None:
        written(tmp_path, f"{PROJECT}/local.json.bak", content)
    with pytest.raises(DamagedStateError, match="Restore a backup of your own") as raised:
        state.deployment(tmp_path, PROJECT, "local")
    assert ".bak" not in str(raised.value)


def test_every_state_of_the_backend_is_looked_at(tmp_path: Path) -> None:
    written(tmp_path, f"{PROJECT}/plain.json")
    written(tmp_path, f"{PROJECT}/small.json.gz", gzip.compress(WHOLE, mtime=0))
    written(tmp_path, f"{PROJECT}/empty.json", b'{"checkpoint": {"latest": null}}')
    written(tmp_path, f"{PROJECT}/gone.json.bak")
    written(tmp_path, f"{PROJECT}/attributes.json.attrs", b"")
    written(tmp_path, "other/dev.json")
    written(tmp_path, "old.json")
    assert sorted(state.stacks_with_resources(tmp_path, PROJECT)) == ["old", "other/dev", "plain", "small"]
