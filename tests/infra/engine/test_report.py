from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from infra.engine import report
from infra.engine.session import Session
from providers.local.plugin.server_status import ServerStatus


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_make_status_says_all_on_a_narrow_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = {"http": "127.0.0.1:29120", "management": "127.0.0.1:29121"}
    running = ServerStatus("iceberg_catalog", "RUNNING", addresses, 237 * 2**20, 3661.0, 1)
    monkeypatch.setattr(report, "server_statuses", lambda directory: [running])
    monkeypatch.setenv("COLUMNS", str(columns))
    report.servers("local", Path("/var/lib/nebula/local"))
    words = capsys.readouterr().out.split()
    expected = {"iceberg_catalog", "RUNNING", "127.0.0.1:29120", "management", "127.0.0.1:29121", "1:01:01"}
    assert expected <= set(words)


def test_the_summary_of_up_has_every_address(capsys: pytest.CaptureFixture[str]) -> None:
    endpoints = {
        "kafka": {"bootstrap_servers": "127.0.0.1:9092"},
        "postgres": {"host": "127.0.0.1", "port": 5432, "databases": []},
        "projections": {
            "urls": {"a": {"one": "http://x:8700", "two": "http://x:8701"}, "b": {"all": "http://x:8702"}}
        },
    }
    session = SimpleNamespace(outputs=lambda: {"endpoints": endpoints}, is_local=False, stack="lab")
    report.running(cast("Session", session))
    words = capsys.readouterr().out.split()
    addresses = {f"http://x:{port}" for port in (8700, 8701, 8702)} | {"127.0.0.1:9092", "127.0.0.1:5432"}
    assert addresses <= set(words)
    assert ":" not in words
