"""What commands read in a stack file is what the engine hands to the program."""

import json
import textwrap

from infra.stack_file import StackFile
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
