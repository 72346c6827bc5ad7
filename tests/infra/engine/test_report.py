from pathlib import Path

import pytest

from infra.engine import report
from providers.local.plugin.status import ServerStatus


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_make_status_says_all_on_a_narrow_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = {"http": "127.0.0.1:29120", "management": "127.0.0.1:29121"}
    running = ServerStatus("iceberg_catalog", "RUNNING", addresses, 237 * 2**20, 3661.0, 1)
    monkeypatch.setattr(report, "servers_in", lambda directory: [running])
    monkeypatch.setenv("COLUMNS", str(columns))
    report.servers("local", Path("/var/lib/nebula/local"))
    words = capsys.readouterr().out.split()
    expected = {"iceberg_catalog", "RUNNING", "127.0.0.1:29120", "management", "127.0.0.1:29121", "1:01:01"}
    assert expected <= set(words)
