"""`pulumi destroy` leaves nothing, or only the data and its secrets when they are to be kept."""

from pathlib import Path

import pyarrow as pa

from infra.declared import LOCAL_PORTS
from tests.e2e.full import FullStack, iceberg_catalog
from tests.e2e.light import EVERY
from tests.e2e.machine import listening, programs_of
from tests.e2e.stack import Stack

_TABLES = ("postgres", "object_store", "iceberg_catalog")


def test_destroy_leaves_no_process_no_port_and_no_file(full: FullStack) -> None:
    result = full.stack.destroy()
    assert set(result.changes.values()) == {"delete"}
    own = (full.stack.backend, full.stack.home, full.stack.logs)  # the engine's, which outlive a stack
    assert full.before.left_since(full.stack.tmp, but=own) == {}
    assert listening(number + full.stack.port_offset for number in LOCAL_PORTS.ports.values()) == {}
    assert programs_of(full.stack.tmp) == []


def test_kept_data_and_its_secrets_serve_the_next_up(scratch_directory: Path, port_offset: int) -> None:
    settings = {
        "components": {name: name in _TABLES for name in EVERY},
        "local": {"keep_data": True},
    }
    stack = Stack("kept", scratch_directory, settings, port_offset)
    try:
        stack.up()
        rows = pa.table({"id": pa.array([1, 2, 3], pa.int64())})
        iceberg_catalog(stack.outputs()).create_table("gold.kept", rows.schema).append(rows)
        credentials = stack.outputs()["credentials"]

        stack.destroy()
        assert programs_of(stack.directory) == []
        assert {path.name for path in stack.directory.iterdir()} == {"data", "secrets", "owner.json"}

        stack.up()
        assert stack.outputs()["credentials"] == credentials
        table = iceberg_catalog(stack.outputs()).load_table("gold.kept")
        assert table.scan().to_arrow().to_pylist() == rows.to_pylist()

        stack.configure({**settings, "local": {}})
        stack.up()
        stack.destroy()
        assert not stack.directory.exists()
    finally:
        stack.remove()
