"""Layers and archives have the same bytes for the same inputs."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

from tests.testbed.images import archive
from tests.testbed.images.layers import Folder, Part, Symlink, Text, Tree, make
from tests.testbed.images.software import Image, ImageConfig


def _home(directory: Path, modified: int = 1_700_000_000) -> Path:
    """Make a small distribution with modes and times that differ from one user to another."""
    (directory / "bin").mkdir(parents=True)
    (directory / "lib" / "__pycache__").mkdir(parents=True)
    (directory / "lib" / "__pycache__" / "left.pyc").write_text("out")
    for name, mode in (("bin/run", 0o700), ("lib/a.jar", 0o640)):
        (directory / name).write_text(name)
        (directory / name).chmod(mode)
        os.utime(directory / name, (modified, modified))
    (directory / "lib" / "link.jar").symlink_to("a.jar")
    return directory


def _parts(home: Path) -> list[Part]:
    return [
        Tree(home, "/opt/some", "some-1"),
        Text("/etc/passwd", "root:x:0:0::/:/bin/sh\n"),
        Symlink("/opt/some/current", "lib"),
        Folder("/opt/work", owner=185, mode=0o775),
    ]


def test_a_layer_is_the_same_wherever_and_whenever_it_is_made(tmp_path: Path) -> None:
    first = make(_parts(_home(tmp_path / "one")), tmp_path / "cache-one")
    second = make(_parts(_home(tmp_path / "two")), tmp_path / "cache-two")
    assert first.digest == second.digest
    assert first.digest == hashlib.sha256(first.path.read_bytes()).hexdigest()


def test_a_layer_is_made_once_for_its_inputs(tmp_path: Path) -> None:
    first = make(_parts(_home(tmp_path / "one")), tmp_path)
    made = first.path.stat().st_mtime_ns
    assert make(_parts(tmp_path / "gone"), tmp_path) == first
    assert first.path.stat().st_mtime_ns == made
    assert make([Text("/etc/passwd", "another\n")], tmp_path).path != first.path


def test_what_is_in_a_layer_belongs_to_root_and_can_be_read_by_any_user(tmp_path: Path) -> None:
    layer = make(_parts(_home(tmp_path / "one")), tmp_path)
    with tarfile.open(layer.path) as opened:
        rows = {row.name: row for row in opened}
    assert {row.uid for name, row in rows.items() if name != "opt/work"} == {0}
    assert (rows["opt/work"].uid, rows["opt/work"].mode) == (185, 0o775)
    assert rows["opt/some/bin/run"].mode == 0o755
    assert rows["opt/some/lib/a.jar"].mode == 0o644
    assert rows["opt/some/lib/link.jar"].linkname == "a.jar"
    assert not [name for name in rows if "__pycache__" in name]


def test_files_keep_the_time_that_a_class_data_archive_notes(tmp_path: Path) -> None:
    layer = make(_parts(_home(tmp_path / "one", modified=1_600_000_001)), tmp_path)
    with tarfile.open(layer.path) as opened:
        assert opened.getmember("opt/some/lib/a.jar").mtime == 1_600_000_001


def test_an_archive_holds_each_layer_once_and_every_digest_is_true(tmp_path: Path) -> None:
    shared = make([Text("/etc/shared", "shared")], tmp_path)
    own = make([Text("/etc/own", "own")], tmp_path)
    config = ImageConfig(user="999", environment={"PATH": "/usr/bin"})
    images = [
        Image("registry.nebula.test/one:1", (shared,), config),
        Image("registry.nebula.test/two:1", (shared, own), config),
    ]
    stream = io.BytesIO()
    archive.write(images, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as opened:
        names = opened.getnames()
        blobs = {
            name.rpartition("/")[2]: content.read()
            for name in names
            if name.startswith("blobs/") and (content := opened.extractfile(name))
        }
        index = opened.extractfile("index.json")
        assert index
        manifests = json.load(index)["manifests"]
    assert len(names) == len(set(names))
    assert all(hashlib.sha256(blob).hexdigest() == digest for digest, blob in blobs.items())
    assert {row["annotations"]["io.containerd.image.name"] for row in manifests} == {
        image.reference for image in images
    }
    assert [row["digest"] for row in manifests] == [archive.digest_of(image) for image in images]
    for row in manifests:
        manifest = json.loads(blobs[row["digest"].partition(":")[2]])
        wanted = [manifest["config"], *manifest["layers"]]
        assert all(part["digest"].partition(":")[2] in blobs for part in wanted)
        assert json.loads(blobs[manifest["config"]["digest"].partition(":")[2]])["config"]["User"] == "999"
