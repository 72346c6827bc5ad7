import json
import re
from pathlib import Path
from typing import Any

import pytest

from apps.kit.settings import load
from apps.pipelines.flights import __main__ as program
from apps.pipelines.flights.spec import SPEC

README = Path(program.__file__).with_name("README.md")


def test_the_documented_spec_is_one(tmp_path: Path) -> None:
    documented = re.search(r"```json\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert documented
    path = tmp_path / "spec.json"
    path.write_text(documented[1], encoding="utf-8")
    spec = load(path, SPEC)
    written = json.loads(documented[1])
    assert set(written) == set(type(spec).model_fields)
    for section in ("object_store", "catalog", "spark", "trino"):
        assert set(written[section]) == set(type(getattr(spec, section)).model_fields)


@pytest.mark.parametrize("section", ["object_store", "catalog", "spark", "trino"])
def test_an_unknown_key_is_named(
    section: str, spec: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec[section]["tpyo"] = 1
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    assert program.main(["run", str(path)]) == 2
    printed = capsys.readouterr()
    assert f"{section}.tpyo: unknown key" in printed.err
    assert "sentinel" not in printed.out + printed.err


def test_a_month_outside_the_year_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["run", "spec.json", "--exclude-month", "13"])
    assert "invalid choice: 13" in capsys.readouterr().err
