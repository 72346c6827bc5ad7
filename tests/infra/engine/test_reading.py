"""What commands read in a stack file is what the engine hands to the program."""

import json
import textwrap
from pathlib import Path

import pytest

from infra.engine.session import open_session
from infra.settings import Settings, SettingsError, parse
from infra.stack_file import StackFile
from tests.infra.engine.cloud_project import enter
from tests.infra.engine.conftest import Project

_FILE = """\
config:
  nebula:platform:
    cloud: local
    words: [on, off, yes, no, y, true, False, ~, null, "", =, "true", '2026-01-31', 2026-x]
    numbers: [1, -1, 012, 0o14, 0x1F, 0b11, 1_000, 1.5, .5, 1e3, 0.10, 1:30, 1:30:59, "7", !!str 5]
    texts: ["a: b", 'it''s', "two\\nlines", ü, a#b]
    folded: >
      one
      two
    shared: &shared {a: 1}
    alias: *shared
    merged:
      <<: *shared
      b: 2
    1: a number
    true: a truth
"""


def test_a_file_is_read_as_the_engine_reads_it(project: Project) -> None:
    file = project.checkout.stack_file("local")
    file.write_text(_FILE)
    said = project.checkout.root / "said.json"
    project.program(
        textwrap.dedent(f"""
        import pathlib
        import pulumi

        pathlib.Path({str(said)!r}).write_text(pulumi.Config().require("platform"))
        """)
    )
    result = project.run("preview")
    assert result.code == 0, result.output
    read = StackFile(file).platform()
    assert json.loads(json.dumps(read)) == json.loads(said.read_text())


def test_a_number_that_config_set_writes_is_answered_with_what_makes_it_a_text(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(project, monkeypatch)
    file = project.checkout.stack_file("local")
    file.write_text("config:\n  nebula:platform:\n    cloud: local\n    topics:\n      - name: a\n")
    session = open_session("local", project.checkout)
    session.create()
    key = 'nebula:platform.topics[0].config["retention.ms"]'

    session.ask("config", "set", "--path", key, "86400000", "--stack", "local")
    with pytest.raises(SettingsError, match=r"line .*must be a text, got a number.*--type string"):
        _settings(file)

    session.ask("config", "set", "--type", "string", "--path", key, "86400000", "--stack", "local")
    assert _settings(file).topics[0].config == {"retention.ms": "86400000"}


def _settings(path: Path) -> Settings:
    file = StackFile(path)
    return parse(json.dumps(file.platform()), file)
