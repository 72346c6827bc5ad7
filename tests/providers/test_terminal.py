import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from providers.terminal import show_table

ROOT = Path(__file__).parents[2]
ROWS = (
    ("iceberg_catalog", "RUNNING", "http 127.0.0.1:29120\nmanagement 127.0.0.1:29121", "237 MiB"),
    ("postgres", "BACKOFF", "sql 127.0.0.1:25432", ""),
)


def shown(width: int) -> str:
    table = Table("server", "state", "address", "memory", title="What runs")
    for row in ROWS:
        table.add_row(*row)
    written = io.StringIO()
    show_table(table, Console(file=written, width=width))
    return written.getvalue()


@pytest.mark.parametrize("width", [10, 20, *range(30, 121)])
def test_no_word_is_cut_off_at_any_width(width: int) -> None:
    words = shown(width).split()
    for row in ROWS:
        for cell in row:
            assert set(cell.split()) <= set(words)


def test_a_table_stays_one_where_its_words_fit() -> None:
    lines = shown(80).splitlines()
    assert any("postgres" in line and "25432" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_each_row_is_a_block_where_they_do_not() -> None:
    assert shown(40).splitlines()[-4:] == [
        "",
        "server   postgres",
        "state    BACKOFF",
        "address  sql 127.0.0.1:25432",
    ]


def test_every_table_is_shown_this_way() -> None:
    makers = [
        path
        for folder in ("infra", "providers", "apps", "tests/bench")
        for path in (ROOT / folder).rglob("*.py")
        if "from rich.table import" in path.read_text() and path.name != "terminal.py"
    ]
    assert len(makers) > 5
    for path in makers:
        text = path.read_text()
        assert "show_table(" in text, path
        assert ".print(table" not in text, path
