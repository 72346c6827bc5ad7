import json
from pathlib import Path

import pytest

from apps.kit.result import VARIABLE, write_result


def test_a_result_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "result.json"
    monkeypatch.setenv(VARIABLE, str(target))
    write_result({"changed": ["one"]})
    with pytest.raises(TypeError):
        write_result({"changed": object()})
    assert json.loads(target.read_text()) == {"changed": ["one"]}
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_is_written_without_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    write_result({"changed": []})
    assert list(tmp_path.iterdir()) == []
