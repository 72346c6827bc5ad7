"""The figures of a benchmark, as a table for people and as a file for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median_low

from rich.console import Console
from rich.table import Table

from providers.terminal import show_table


@dataclass(frozen=True)
class Figure:
    """A measured figure: `value` and `against` in `unit`, and their `ratio`. `holds` says whether the ratio
    is below `aim`; both are None for a figure without an aim."""

    name: str
    value: float
    unit: str
    against: float
    ratio: float
    aim: float | None
    holds: bool | None


@dataclass(frozen=True)
class Failure:
    """A figure that could not be taken, and the reason. Its row in the file has a figure's keys without
    numbers, `error`, and false in `holds`."""

    name: str
    error: str


Row = Figure | Failure


def figure(name: str, value: float, unit: str, against: float, aim: float | None = None) -> Figure:
    """Return the figure of `value` compared with `against`. Raises ValueError when `against` is not
    positive."""
    if against <= 0:
        raise ValueError(f"{name}: {against:g} {unit} is nothing to compare with")
    ratio = value / against
    return Figure(name, value, unit, against, ratio, aim, None if aim is None else ratio < aim)


def median_pair(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the pair (value, against) whose ratio is the lower median of all pairs' ratios."""
    ratios = [value / against for value, against in pairs]
    return pairs[ratios.index(median_low(ratios))]


def write(found: Iterable[Row], path: Path) -> None:
    """Write the rows to `path` as a JSON list, with numbers of four significant digits."""
    rows = [{key: _rounded(value) for key, value in _fields(row).items()} for row in found]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def _fields(row: Row) -> dict[str, object]:
    if isinstance(row, Figure):
        return asdict(row)
    return {**dict.fromkeys((field.name for field in fields(Figure)), None), "holds": False, **asdict(row)}


def show(found: Iterable[Row], console: Console) -> None:
    table = Table("figure", "value", "against", "ratio", "aim", "holds")
    for row in found:
        if isinstance(row, Failure):
            table.add_row(row.name, "failed", "", "", "", "no")
            continue
        table.add_row(
            row.name,
            f"{row.value:,.2f} {row.unit}",
            f"{row.against:,.2f} {row.unit}",
            f"{row.ratio:.2f}",
            "" if row.aim is None else f"below {row.aim:g}",
            {True: "yes", False: "no", None: ""}[row.holds],
        )
    show_table(table, console)


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value
