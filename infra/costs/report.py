"""Prints an estimate: a table by component, and notes on what the table does not count."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from infra.costs.estimate import Estimate, Line, money
from providers.terminal import show_table


def show(found: Estimate, console: Console, *, parked: bool = False) -> None:
    """Prints the estimate `found` on `console`, or nothing for a stack that no cloud bills. `parked` titles
    it as that of a parked stack, and adds which resources the cloud bills all the same."""
    if found.empty:
        return
    title = "Monthly, while parked" if parked else "Monthly"
    table = Table("component", "resource", "what", "USD a month", title=title, title_justify="left")
    table.columns[-1].justify = "right"
    for component, amount in found.by_component.items():
        for line in sorted(_lines(found, component), key=lambda line: -line.monthly):
            table.add_row(component, line.resource.name, _what(line), money(line.monthly))
            component = ""
        table.add_row("", "", "", f"[bold]{money(amount)}", end_section=True)
    table.add_row("total", "", "at list price", f"[bold]{money(found.total)}")
    show_table(table, console)
    for text in _notes(found, parked):
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _lines(found: Estimate, component: str) -> list[Line]:
    return [line for line in found.lines if line.resource.component == component]


def _what(line: Line) -> str:
    return f"{line.what} ({line.note})" if line.note else line.what


def _notes(found: Estimate, parked: bool) -> list[str]:
    notes = []
    if found.priced_elsewhere:
        regions = ", ".join(found.priced_elsewhere)
        notes.append(f"The prices are those of {regions}: the price table has none for the stack's region.")
    if by_use := Counter((each.what, each.price) for each in found.by_use):
        notes.append("Billed by use, not counted:")
        notes += [
            f"  {what}: {price.amount} USD a {price.unit}" + (f" ({count} resources)" if count > 1 else "")
            for (what, price), count in sorted(by_use.items(), key=lambda entry: entry[0][0])
        ]
    if unpriced := Counter((each.what, each.why) for each in found.unpriced):
        notes.append("Without a known price, not counted:")
        notes += [f"  {count} × {what}: {why}" for (what, why), count in sorted(unpriced.items())]
    if parked:
        hints = {(line.resource.name, line.cannot_stop): line for line in found.lines if line.cannot_stop}
        if hints:
            notes.append("Billed while parked, as the cloud does not stop it:")
            notes += [f"  {name}: {hint}" for name, hint in sorted(hints)]
    return notes
