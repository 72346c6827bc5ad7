"""Prints tables for people on terminals of any width."""

from itertools import zip_longest

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


def show_table(table: Table, console: Console) -> None:
    """Prints `table` and wraps its cells between words. If a word would have to be broken, each row is
    printed as a block of lines `column cell`. Nothing is cut off."""
    for column in table.columns:
        column.overflow = "fold"
    cells = [cell for column in table.columns for cell in (column.header, *column.cells)]
    words = {word for cell in cells for word in _text(cell, console).plain.split()}
    if words <= set("".join(segment.text for segment in console.render(table)).split()):
        console.print(table)
    else:
        _show_blocks(table, console)


def _show_blocks(table: Table, console: Console) -> None:
    if table.title:
        console.print(table.title)
    headers = [_text(column.header, console).plain for column in table.columns]
    indent = max(map(len, headers)) + 2
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        console.print()
        for header, cell in zip(headers, cells, strict=True):
            lines = _text(cell, console).split("\n")
            for name, line in zip_longest([header], lines, fillvalue=Text()):
                if line.plain:
                    # Not wrapped by us: a long address stays one that can be copied.
                    console.print(Text(f"{name!s:<{indent}}").append_text(line), soft_wrap=True)


def _text(cell: RenderableType, console: Console) -> Text:
    return console.render_str(cell) if isinstance(cell, str) else Text(str(cell))
