"""The command of previews: what it is asked for and cannot give is said."""

import pytest

from infra.previews import __main__ as previews


def test_a_stack_that_is_not_there_is_no_empty_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(previews, "reports", lambda *_, **__: [])
    assert previews.main(["--stack", "lokal"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Stack lokal has no template in stacks/" in told.err
