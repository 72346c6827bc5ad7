"""Locks of the file backend: only those of dead processes of this machine are cleared."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.engine.errors import StackBusyError
from infra.engine.locks import clear_stale_locks


def write_lock(
    state: Path, pid: int, *, hostname: str | None = None, taken: datetime | None = None, stack: str = "local"
) -> Path:
    """A lock as the engine writes it, with its sidecar file."""
    path = state / ".pulumi" / "locks" / "organization" / "nebula" / stack / f"{pid}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = {
        "pid": pid,
        "username": "ada",
        "hostname": hostname or socket.gethostname(),
        "timestamp": (taken or datetime.now(UTC)).isoformat().replace("+00:00", "123Z"),
    }
    path.write_text(json.dumps(lock))
    path.with_name(f"{path.name}.attrs").write_text("{}")
    return path


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_lock_of_a_dead_process_is_cleared_and_said(tmp_path: Path, dead_pid: int) -> None:
    path = write_lock(tmp_path, dead_pid)
    (line,) = clear_stale_locks(tmp_path, "nebula", "local")
    assert str(dead_pid) in line
    assert list(path.parent.iterdir()) == []


def test_lock_of_a_living_process_is_refused_with_its_pid(tmp_path: Path) -> None:
    path = write_lock(tmp_path, os.getpid())
    with pytest.raises(StackBusyError, match=f"pid {os.getpid()}"):
        clear_stale_locks(tmp_path, "nebula", "local")
    assert path.exists()


def test_lock_older_than_the_process_with_its_pid_is_cleared(tmp_path: Path) -> None:
    path = write_lock(tmp_path, os.getpid(), taken=datetime.now(UTC) - timedelta(days=400))
    assert clear_stale_locks(tmp_path, "nebula", "local")
    assert not path.exists()


def test_lock_of_another_host_is_left_to_pulumi_cancel(tmp_path: Path, dead_pid: int) -> None:
    path = write_lock(tmp_path, dead_pid, hostname="elsewhere")
    with pytest.raises(StackBusyError, match="pulumi cancel"):
        clear_stale_locks(tmp_path, "nebula", "local")
    assert path.exists()


def test_one_living_lock_keeps_the_dead_ones(tmp_path: Path, dead_pid: int) -> None:
    stale = write_lock(tmp_path, dead_pid)
    write_lock(tmp_path, os.getpid())
    with pytest.raises(StackBusyError):
        clear_stale_locks(tmp_path, "nebula", "local")
    assert stale.exists()


def test_lock_cut_short_is_cleared_once_it_cannot_be_a_write_under_way(tmp_path: Path) -> None:
    path = write_lock(tmp_path, 1)
    path.write_text('{"pid": 1')
    assert clear_stale_locks(tmp_path, "nebula", "local") == []
    assert path.exists()
    os.utime(path, (1, 1))
    assert clear_stale_locks(tmp_path, "nebula", "local")
    assert not path.exists()


def test_locks_of_other_stacks_are_not_ours(tmp_path: Path, dead_pid: int) -> None:
    path = write_lock(tmp_path, dead_pid, stack="production")
    assert clear_stale_locks(tmp_path, "nebula", "local") == []
    assert path.exists()
